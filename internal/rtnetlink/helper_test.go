package rtnetlink

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"wolgate/internal/lantest"
)

func TestMain(m *testing.M) { lantest.Main(m) }

// soon is how long the kernel may take over something that it does by itself.
const soon = 20 * time.Second

// must ends the test where the kernel refuses what the test needs.
func must(t *testing.T, action string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", action, err)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(soon); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", soon, what)
		}
	}
}

// find returns the interface that has this name now, which is there.
func find(t *testing.T, name string) Link {
	t.Helper()
	links, err := Links()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(links, func(l Link) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("%s is not in %+v", name, links)
	}
	return links[i]
}

// has reports whether an interface has an address.
func has(t *testing.T, name, prefix string) bool {
	t.Helper()
	return slices.Contains(find(t, name).Addresses, netip.MustParsePrefix(prefix))
}

// pair makes two interfaces that are each other's far end, both in this
// namespace, and switches them on. The kernel takes a moment to see the carrier.
func pair(t *testing.T, a, b string) {
	t.Helper()
	lantest.Require(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = a
	add(t, &netlink.Veth{LinkAttrs: attrs, PeerName: b})
	for _, name := range []string{a, b} {
		must(t, "switch on "+name, netlink.LinkSetUp(byName(t, name)))
	}
	for _, name := range []string{a, b} {
		eventually(t, name+" is running", func() bool { return find(t, name).Flags&net.FlagRunning != 0 })
	}
}

// add makes an interface that goes when the test ends.
func add(t *testing.T, l netlink.Link) {
	t.Helper()
	lantest.Require(t)
	must(t, "add "+l.Attrs().Name, netlink.LinkAdd(l))
	t.Cleanup(func() { _ = netlink.LinkDel(l) }) // It may have gone already.
}

func byName(t *testing.T, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, "find "+name, err)
	return l
}

// addAddress gives an interface an address with these flags (IFA_F_NODAD).
func addAddress(t *testing.T, name, prefix string, flags int) {
	t.Helper()
	a, err := netlink.ParseAddr(prefix)
	must(t, "parse "+prefix, err)
	a.Flags = flags
	must(t, "add address "+prefix, netlink.AddrAdd(byName(t, name), a))
}

// withoutDAD keeps the kernel from checking whether somebody else has an IPv6
// address, on the interfaces that the test makes, and so from changing them some
// seconds later.
func withoutDAD(t *testing.T) {
	t.Helper()
	lantest.Require(t)
	const setting = "/proc/sys/net/ipv6/conf/default/accept_dad" // of this namespace
	was, err := os.ReadFile(setting)
	must(t, "read a sysctl", err)
	must(t, "write a sysctl", os.WriteFile(setting, []byte("0"), 0))
	t.Cleanup(func() { must(t, "write a sysctl", os.WriteFile(setting, was, 0)) })
}

// elsewhere calls f on a thread in a new network namespace, which goes with all
// that f has made in it, and tells it the tests' own.
func elsewhere(t *testing.T, f func(home netns.NsHandle) error) {
	t.Helper()
	lantest.Require(t)
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		result <- func() error {
			home, err := netns.Get()
			if err != nil {
				return err
			}
			defer home.Close()
			here, err := netns.New()
			if err != nil {
				return err
			}
			defer here.Close()
			return f(home)
		}()
	}()
	must(t, "in another namespace", <-result)
}
