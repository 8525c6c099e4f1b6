package lantest

import (
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience is how long the kernel may take over a change of a link's state.
// It puts off some, to take them in one a second.
const patience = 10 * time.Second

// Up switches the near end on and, where there is a carrier, waits until it
// carries frames. It gives back the IPv6 addresses that Down takes away.
func (l *LAN) Up() {
	l.t.Helper()
	l.check("switch the near end on", netlink.LinkSetUp(l.near()))
	l.settle()
	for _, prefix := range l.prefixes {
		if prefix.Addr().Is6() {
			l.check("add address "+prefix.String(), netlink.AddrReplace(l.near(), l.address(prefix.String())))
		}
	}
}

// Down switches the near end off, as "ip link set down" does. The kernel drops
// its IPv6 addresses, and its default route.
func (l *LAN) Down() {
	l.t.Helper()
	l.check("switch the near end off", netlink.LinkSetDown(l.near()))
}

// CarrierOff pulls the cable: the near end stays up and is no longer running.
func (l *LAN) CarrierOff() {
	l.t.Helper()
	l.check("switch the far end off", l.far.LinkSetDown(l.farEnd))
	l.carrier = false
	l.settle()
}

// CarrierOn plugs the cable in again.
func (l *LAN) CarrierOn() {
	l.t.Helper()
	l.check("switch the far end on", l.far.LinkSetUp(l.farEnd))
	l.carrier = true
	l.settle()
}

// Rename gives the near end another name.
func (l *LAN) Rename(name string) {
	l.t.Helper()
	err := netlink.LinkSetName(l.near(), name)
	if errors.Is(err, unix.EBUSY) { // Before Linux 6.2 only a link that is down.
		l.Down()
		err = netlink.LinkSetName(l.near(), name)
		l.Up()
	}
	l.check("rename the near end to "+name, err)
}

// Delete removes the LAN, as pulling a USB network card does.
func (l *LAN) Delete() {
	l.t.Helper()
	l.check("delete the near end", netlink.LinkDel(l.near()))
}

// Bridge adds a bridge without ports. It looks as docker0 does: up, running
// and able to broadcast, so that only its name gives away that what is sent
// there reaches nobody.
func Bridge(t testing.TB, name, prefix string) {
	t.Helper()
	Require(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		t.Fatalf("add bridge %s: %v", name, err)
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatalf("add bridge %s: %v", name, err)
	}
	l := &LAN{t: t, index: link.Attrs().Index, carrier: true}
	t.Cleanup(l.close)
	l.Up()
	l.AddAddress(prefix)
}

func (l *LAN) near() netlink.Link {
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: l.index}}
}

// settle waits until the near end is running, or is not, as its two switches
// have it. A frame that is sent sooner is lost.
func (l *LAN) settle() {
	l.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		link, err := netlink.LinkByIndex(l.index)
		l.check("look at the near end", err)
		flags := link.Attrs().RawFlags
		want := l.carrier && flags&unix.IFF_UP != 0
		if running := flags&unix.IFF_RUNNING != 0; running == want {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("the near end did not become running=%v within %v", want, patience)
		}
	}
}

func (l *LAN) check(action string, err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatalf("%s: %v", action, err)
	}
}
