// Package wolserver wires the daemon together: settings in, wol-server out.
package wolserver
