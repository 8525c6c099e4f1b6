package lantest

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience is how long the kernel may take over a change of a link's state.
// It puts off some, to take them in one a second.
const patience = 10 * time.Second

// link is an interface of the namespace that the tests run in. Like those of LAN, its methods are for the test's own goroutine.
type link struct {
	t         testing.TB
	index     int // a new name does not change it
	broadcast bool
	prefixes  []netip.Prefix
}

// ready finds the interface and returns once it is up, carries frames and has
// these addresses.
func (l *link) ready(name string, prefixes ...string) {
	l.t.Helper()
	found, err := netlink.LinkByName(name)
	l.check("find "+name, err)
	l.index, l.broadcast = found.Attrs().Index, found.Attrs().Flags&net.FlagBroadcast != 0
	l.Up()
	for _, prefix := range prefixes {
		l.AddAddress(prefix)
	}
}

// remove is for the end of the test. Nothing is left to remove after Delete.
func (l *link) remove() {
	if l.index != 0 {
		_ = netlink.LinkDel(l.device())
	}
}

// Up switches the interface on and, where there is a carrier, waits until it
// carries frames. It gives back the IPv6 addresses that Down takes away.
func (l *link) Up() {
	l.t.Helper()
	l.check("switch the interface on", netlink.LinkSetUp(l.device()))
	l.settle()
	for _, prefix := range l.prefixes {
		if prefix.Addr().Is6() {
			l.check("add address "+prefix.String(), netlink.AddrReplace(l.device(), l.address(prefix.String())))
		}
	}
}

// Down switches the interface off, as "ip link set down" does. The kernel drops
// its IPv6 addresses, and the default route if it led there.
func (l *link) Down() {
	l.t.Helper()
	l.check("switch the interface off", netlink.LinkSetDown(l.device()))
}

// Rename gives the interface another name.
func (l *link) Rename(name string) {
	l.t.Helper()
	err := netlink.LinkSetName(l.device(), name)
	if errors.Is(err, unix.EBUSY) { // Before Linux 6.2 only a link that is down.
		l.Down()
		err = netlink.LinkSetName(l.device(), name)
		l.Up()
	}
	l.check("rename the interface to "+name, err)
}

// AltName gives the interface one more name, as udev does.
func (l *link) AltName(name string) {
	l.t.Helper()
	l.check("add altname "+name, netlink.LinkAddAltName(l.device(), name))
}

// Delete removes the interface, as pulling a USB network card does.
func (l *link) Delete() {
	l.t.Helper()
	l.check("delete the interface", netlink.LinkDel(l.device()))
}

func (l *link) device() netlink.Link {
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: l.index}}
}

// settle waits until the interface is running, or is not, as its carrier has
// it: the kernel knows a carrier at once (IFF_LOWER_UP), but puts off what
// follows from it (IFF_RUNNING). A frame that is sent sooner is lost.
func (l *link) settle() {
	l.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		found, err := netlink.LinkByIndex(l.index)
		l.check("look at the interface", err)
		flags := found.Attrs().RawFlags
		carrier, running := flags&unix.IFF_LOWER_UP != 0, flags&unix.IFF_RUNNING != 0
		if running == carrier {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("the interface did not become running=%v within %v", carrier, patience)
		}
	}
}

func (l *link) check(action string, err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatalf("%s: %v", action, err)
	}
}
