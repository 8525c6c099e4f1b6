// Package unixsock owns the Unix domain socket between the gateway and the
// daemon: taking possession of its path, taking it over from systemd, deciding
// who may connect, and dialling it. It is written for Linux.
package unixsock
