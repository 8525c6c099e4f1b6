// Package magicpacket encodes and decodes the Wake-on-LAN magic packet as
// AMD's white paper "Magic Packet Technology" (publication 20213, 1995)
// defines it. It knows bytes only: no sockets, no text forms.
package magicpacket
