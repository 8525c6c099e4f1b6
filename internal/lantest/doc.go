// Package lantest is support for tests that need a LAN. A package's TestMain
// hands over to Main, which runs its tests in a user and a network namespace
// of their own; there New builds LANs out of veth pairs, each with a sniffer on
// its far end. Nothing here reaches a network of the machine, and none of it
// needs root. It is for Linux only.
//
// The tests of one process share one namespace, so those that build LANs are
// not to run in parallel with each other.
package lantest
