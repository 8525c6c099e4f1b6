package lantest

import (
	"testing"

	"github.com/vishvananda/netlink"
)

// BridgeLink is a bridge, which is a switch inside the kernel: what is sent to
// it leaves by all of its ports.
type BridgeLink struct{ link }

// Bridge adds a bridge without ports. It looks as docker0 does: up, running
// and able to broadcast; only its name tells that what is sent there reaches no
// computer.
func Bridge(t testing.TB, name, prefix string) *BridgeLink {
	t.Helper()
	Require(t)
	b := &BridgeLink{link{t: t}}
	t.Cleanup(b.remove)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	b.check("add bridge "+name, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
	b.ready(name, prefix)
	return b
}

// AddPort makes the LAN's near end a port of the bridge, so that the far end
// hears what is sent to the bridge.
func (b *BridgeLink) AddPort(l *LAN) {
	b.t.Helper()
	b.check("add a port", netlink.LinkSetMasterByIndex(l.device(), b.index))
	b.settle()
}

// RemovePort makes the LAN stand alone again. A bridge that has lost its last
// port, unlike one that never had any, is no longer running.
func (b *BridgeLink) RemovePort(l *LAN) {
	b.t.Helper()
	b.check("remove a port", netlink.LinkSetNoMaster(l.device()))
	b.settle()
}
