// Package doctor explains why a magic packet would not arrive. It looks at the
// interfaces, the routes and the surroundings of this host, and it watches whether a
// probe leaves it: that the kernel accepted a packet does not mean that a card sent
// it. It sends through the wol.Waker that it is given, and opens no other way out.
//
// Look sends nothing and answers GET /interfaces of the daemon. Examine is
// "wol-server doctor": it adds the probes, and needs CAP_NET_RAW to see them leave.
package doctor
