package lantest

import "github.com/vishvananda/netlink"

// MacvlanLink is a macvlan in the mode "bridge": an interface with a MAC of its own on the
// near end of a LAN, which hears what the others on that near end broadcast.
type MacvlanLink struct {
	link
	*sniffer // of what it hears; nil before Listen
	name     string
}

// Macvlan adds one with these addresses to the near end.
func (l *LAN) Macvlan(name string, prefixes ...string) *MacvlanLink {
	l.t.Helper()
	m := &MacvlanLink{link: link{t: l.t}, name: name}
	l.t.Cleanup(m.close)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = name, l.index
	l.check("add macvlan "+name, netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}))
	m.ready(name, prefixes...)
	return m
}

// Listen captures what it hears from now on, for Next and Collect.
func (m *MacvlanLink) Listen() {
	m.t.Helper()
	var err error
	m.sniffer, err = listen(m.name)
	m.check("listen on "+m.name, err)
}

func (m *MacvlanLink) close() {
	m.remove()
	if m.sniffer != nil {
		m.sniffer.close()
	}
}
