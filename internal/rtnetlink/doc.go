// Package rtnetlink reads the interfaces, addresses and routes of this network
// namespace from the kernel (rtnetlink(7)) and tells when they change. None of
// it needs a privilege.
//
// Package net reads interfaces and addresses the same way, and keeps to itself
// what else the kernel says of them: what made an interface, which bridge it is
// a port of, whether an address can be used yet.
//
// The kernel's answers are not trusted to be well-formed: other programs, such
// as gVisor, answer in its place. A message that does not fit its datagram is an
// error. An attribute that is cut off or has another size than it should is
// passed over, and the field that it would have filled stays zero.
package rtnetlink
