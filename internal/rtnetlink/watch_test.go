package rtnetlink

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"wolgate/internal/lantest"
)

// quiet is how long a watch has to be silent before a test believes that it is.
const quiet = 200 * time.Millisecond

func watch(t *testing.T) *Watch {
	t.Helper()
	lantest.Require(t)
	w, err := NewWatch()
	must(t, "watch", err)
	t.Cleanup(func() { _ = w.Close() }) // A test may have closed it.
	return w
}

// wakes calls Wait over and over and hands over what it returns, up to its first
// error or the end of the test.
func wakes(t *testing.T, w *Watch) <-chan error {
	all := make(chan error)
	go func() {
		defer close(all)
		for {
			err := w.Wait()
			select {
			case all <- err:
			case <-t.Context().Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return all
}

// settle takes what comes until nothing comes any more, and returns how much it
// was.
func settle(t *testing.T, all <-chan error) (n int) {
	t.Helper()
	for {
		select {
		case err := <-all:
			must(t, "wait", err)
			n++
		case <-time.After(quiet):
			return n
		}
	}
}

func TestWatchWakes(t *testing.T) {
	withoutDAD(t)
	l := lantest.New(t, "lana", "10.10.0.1/24")
	all := wakes(t, watch(t))
	for _, change := range []struct {
		name string
		make func()
	}{
		{"down", l.Down},
		{"up", l.Up},
		{"address", func() { l.AddAddress("10.20.0.1/24") }},
		{"address gone", func() { l.DelAddress("10.20.0.1/24") }},
		{"IPv6 address", func() { l.AddAddress("2001:db8::1/64") }},
		{"IPv6 address gone", func() { l.DelAddress("2001:db8::1/64") }},
		{"no carrier", l.CarrierOff},
		{"carrier", l.CarrierOn},
		{"new name", func() { l.Rename("wan0") }},
		{"new link", func() { lantest.New(t, "lanb") }},
		{"new port", func() {
			lantest.Bridge(t, "br0", "172.17.0.1/16")
			must(t, "make a port", netlink.LinkSetMaster(byName(t, "lanb"), byName(t, "br0")))
		}},
		{"link gone", l.Delete},
	} {
		settle(t, all)
		change.make()
		select {
		case err := <-all:
			must(t, "wait", err)
		case <-time.After(soon):
			t.Errorf("%s: did not wake", change.name)
		}
	}
}

func TestWatchSleepsWithoutAChange(t *testing.T) {
	withoutDAD(t)
	lantest.New(t, "lana", "10.10.0.1/24")
	all := wakes(t, watch(t))
	settle(t, all)
	c, err := net.Dial("udp", "10.10.0.255:9")
	must(t, "dial", err)
	defer c.Close()
	for range 10 { // A packet is no change.
		_, err := c.Write([]byte{1})
		must(t, "send", err)
		_, err = Links()
		must(t, "list links", err)
	}
	if n := settle(t, all); n > 0 {
		t.Errorf("woke %d times", n)
	}
}

// A socket without room for more than one message loses what comes next; what it has
// room for is a burst, which is one change.
func TestLostEventIsAChange(t *testing.T) {
	lantest.Require(t)
	control, w := watch(t), watch(t)
	for _, w := range []*Watch{control, w} {
		must(t, "control", w.raw.Control(func(fd uintptr) {
			must(t, "make the buffer small", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
		}))
	}
	change := func() {
		addAddress(t, "lo", "10.10.0.1/32", 0)
		must(t, "delete address", netlink.AddrDel(byName(t, "lo"), &netlink.Addr{IPNet: network(t, "10.10.0.1/32")}))
	}
	for range 20 {
		change()
	}
	must(t, "read", control.raw.Read(func(fd uintptr) bool {
		if _, err := unix.Read(int(fd), make([]byte, 1)); !errors.Is(err, unix.ENOBUFS) {
			t.Errorf("the test has lost no event: %v", err)
		}
		return true
	}))
	all := wakes(t, w)
	if n := settle(t, all); n != 1 {
		t.Errorf("woke %d times", n)
	}
	change() // It is not deaf afterwards.
	if n := settle(t, all); n == 0 {
		t.Error("woke once and never again")
	}
}

func TestCloseEndsWait(t *testing.T) {
	w := watch(t)
	all := wakes(t, w)
	settle(t, all) // Wait is under way.
	must(t, "close", w.Close())
	select {
	case err := <-all:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	case <-time.After(soon):
		t.Fatal("Wait is still there")
	}
	if err := w.Wait(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
}
