package lantest

import (
	"errors"
	"fmt"
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
	link                   // the near end
	far    *netlink.Handle // acts in the far end's namespace
	farEnd netlink.Link
	beyond netns.NsHandle // the far end's namespace
	*sniffer
}

// New builds a LAN whose near end has this name and these addresses, such as
// "10.10.0.1/24", or none. It returns once the LAN carries frames. The LAN goes
// when the test ends.
//
// Of IPv6 there is what the kernel gives: a link-local address that cannot be
// used before duplicate address detection has taken its seconds. An address
// such as "fe80::1/64" among the prefixes can be used at once. Give a zone as a
// number: package net remembers for a minute which number a name had, also that
// of an earlier test's LAN.
func New(t testing.TB, name string, prefixes ...string) *LAN {
	t.Helper()
	Require(t)
	l := &LAN{link: link{t: t}, beyond: netns.None()}
	t.Cleanup(l.close)
	if err := inNewNamespace(func(home netns.NsHandle) error { return l.build(home, name) }); err != nil {
		t.Fatalf("build LAN %s: %v", name, err)
	}
	l.ready(name, prefixes...)
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
	if l.beyond, err = netns.Get(); err != nil {
		return err
	}
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

// close removes everything that New made, also where it stopped half-way.
func (l *LAN) close() {
	l.remove() // The kernel removes the far end together with the near one.
	if l.sniffer != nil {
		if lost := l.sniffer.close(); lost > 0 {
			l.t.Errorf("the sniffer had no room for %d frames: nothing that this test says about them holds", lost)
		}
	}
	if l.far != nil {
		l.far.Close()
	}
	if l.beyond.IsOpen() {
		_ = l.beyond.Close()
	}
}

// inNewNamespace calls f on a thread that has moved to a new network namespace, and tells
// it the one it came from.
func inNewNamespace(f func(home netns.NsHandle) error) error {
	return elsewhere(func() error {
		far, err := netns.New()
		if err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		return far.Close() // The thread is in it, and keeps it.
	}, f)
}

// elsewhere calls f on a thread that move has taken to another network namespace. All other
// goroutines stay where they were: the thread runs nothing else until it has moved back,
// and should that fail, it ends with its goroutine.
func elsewhere(move func() error, f func(home netns.NsHandle) error) error {
	result := make(chan error, 1)
	go func() {
		defer close(result) // also where f ends the goroutine
		runtime.LockOSThread()
		result <- func() error {
			home, err := netns.Get()
			if err != nil {
				return err
			}
			defer home.Close()
			if err := move(); err != nil {
				return err
			}
			err = f(home)
			if netns.Set(home) == nil {
				runtime.UnlockOSThread()
			}
			return err
		}()
	}()
	err, returned := <-result
	if !returned {
		return errors.New("what was called in another namespace did not return")
	}
	return err
}
