// Package apiserver wires the gateway together: settings in, api-server out.
package apiserver
