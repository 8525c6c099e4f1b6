// Package rtnetlink reads the interfaces, addresses and routes of this network
// namespace from the kernel (rtnetlink(7)) and reports that they have changed. It needs
// no privilege.
//
// Package net reads interfaces and addresses the same way, but does not export what
// else the kernel says of them: what made an interface, which bridge it is a port of,
// whether an address can be used yet.
//
// The kernel's answers are not trusted to be well-formed: other programs, such as
// gVisor, answer in its place. A message that does not fit its datagram is an error. An
// attribute that is cut off or of the wrong size is ignored, and its field stays zero.
package rtnetlink
