package rtnetlink

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"wolgate/internal/lantest"
)

func TestAddressWithAPeer(t *testing.T) {
	lantest.New(t, "lana")
	for own, peer := range map[string]string{"10.10.0.1": "10.10.0.2/32", "2001:db8::1": "2001:db8::2/128"} {
		_, network, err := net.ParseCIDR(peer)
		must(t, "parse", err)
		bits := len(network.Mask) * 8
		address := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(own), Mask: net.CIDRMask(bits, bits)}, Peer: network, Flags: unix.IFA_F_NODAD}
		if bits == 32 {
			address.Flags = 0
		}
		must(t, "add address", netlink.AddrAdd(byName(t, "lana"), address))
		got := find(t, "lana").Addresses
		ours := netip.MustParseAddr(own)
		if !slices.Contains(got, netip.PrefixFrom(ours, bits)) || slices.Contains(got, netip.MustParsePrefix(peer)) {
			t.Errorf("%s peer %s: got %v", own, peer, got)
		}
	}
}

// Without a carrier the kernel cannot ask the LAN whether an address is taken,
// so it stays tentative for as long as the test likes.
func TestTentativeAddressIsLeftOut(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24")
	l.CarrierOff()
	addAddress(t, "lana", "2001:db8::1/64", 0)
	if has(t, "lana", "2001:db8::1/64") {
		t.Error("a tentative address is there")
	}
	if !has(t, "lana", "10.10.0.1/24") {
		t.Error("the IPv4 address is not there")
	}
	l.CarrierOn()
	eventually(t, "the address can be used", func() bool { return has(t, "lana", "2001:db8::1/64") })
}

func TestUsable(t *testing.T) {
	t.Parallel()
	for flags, want := range map[uint32]bool{
		0:                    true,
		unix.IFA_F_NODAD:     true,
		unix.IFA_F_TENTATIVE: false,
		unix.IFA_F_TENTATIVE | unix.IFA_F_OPTIMISTIC: true,
		unix.IFA_F_OPTIMISTIC:                        true,
		unix.IFA_F_DADFAILED:                         false,
		unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED:  false,
		unix.IFA_F_DADFAILED | unix.IFA_F_OPTIMISTIC: false,
	} {
		if got := usable(flags); got != want {
			t.Errorf("flags %#x: %v", flags, got)
		}
	}
}
