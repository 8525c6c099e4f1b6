// Package broadcast sends magic packets over UDP and in bare Ethernet frames: it decides
// which interfaces and destinations a packet goes to, sends it there, and reports what
// happened.
package broadcast
