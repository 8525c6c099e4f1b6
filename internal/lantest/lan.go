package lantest

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// LAN is a network of two: the near end is an interface of the namespace that
// the tests run in, the far end lies in a namespace of its own, where the PCs
// to wake would be, and captures what arrives.
//
// The methods fail the test when the kernel refuses, so they are for the
// test's own goroutine.
type LAN struct {
	t        testing.TB
	index    int // of the near end; a new name does not change it
	prefixes []netip.Prefix
	far      *netlink.Handle // acts in the far end's namespace
	farEnd   netlink.Link
	carrier  bool
	sniffer  *sniffer
}

// New builds a LAN whose near end has this name and these addresses, such as
// "10.10.0.1/24", or none. It returns once the LAN carries frames. The LAN goes
// when the test ends.
//
// Of IPv6 there is what the kernel gives: a link-local address that cannot be
// used before duplicate address detection has taken its seconds. An address
// such as "fe80::1/64" among the prefixes can be used at once. Give a zone as a
// number: package net remembers for a minute which number a name had, be it
// that of an earlier test's LAN.
func New(t testing.TB, name string, prefixes ...string) *LAN {
	t.Helper()
	Require(t)
	l := &LAN{t: t, carrier: true}
	t.Cleanup(l.close)
	if err := inNewNamespace(func(home netns.NsHandle) error { return l.build(home, name) }); err != nil {
		t.Fatalf("build LAN %s: %v", name, err)
	}
	near, err := netlink.LinkByName(name)
	l.check("find the near end", err)
	l.index = near.Attrs().Index
	l.Up()
	for _, prefix := range prefixes {
		l.AddAddress(prefix)
	}
	return l
}

// build makes the pair and everything on its far side. It runs on a thread of
// the far namespace: a socket belongs for good to the namespace in which it was
// opened, whichever thread uses it later, and the open ones keep the namespace
// itself alive.
func (l *LAN) build(home netns.NsHandle, name string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "far"
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: name, PeerNamespace: netlink.NsFd(home)}
	var err error
	if l.far, err = netlink.NewHandle(); err != nil {
		return err
	}
	if err = l.far.LinkAdd(pair); err != nil {
		return fmt.Errorf("add a veth pair: %w", err)
	}
	if l.farEnd, err = l.far.LinkByName(attrs.Name); err != nil {
		return err
	}
	if err = l.far.LinkSetUp(l.farEnd); err != nil {
		return err
	}
	l.sniffer, err = listen(attrs.Name)
	return err
}

// close removes whatever New has made, even where it stopped half-way.
func (l *LAN) close() {
	if l.index != 0 {
		// The kernel removes the far end together with the near one. Nothing is
		// left to remove after Delete.
		_ = netlink.LinkDel(l.near())
	}
	if l.sniffer != nil {
		if lost := l.sniffer.close(); lost > 0 {
			l.t.Errorf("the sniffer had no room for %d frames: nothing that this test says about them holds", lost)
		}
	}
	if l.far != nil {
		l.far.Close()
	}
}

// inNewNamespace calls f on a thread that has moved to a new network
// namespace, and tells it the one it came from. All other goroutines stay
// where they were: the thread runs nothing else until it has moved back, and
// should that fail, it ends with its goroutine.
func inNewNamespace(f func(home netns.NsHandle) error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		result <- func() error {
			home, err := netns.Get()
			if err != nil {
				return err
			}
			defer home.Close()
			far, err := netns.New()
			if err != nil {
				return fmt.Errorf("make a network namespace: %w", err)
			}
			defer far.Close()
			err = f(home)
			if netns.Set(home) == nil {
				runtime.UnlockOSThread()
			}
			return err
		}()
	}()
	return <-result
}
