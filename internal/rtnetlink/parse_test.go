package rtnetlink

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// What a real kernel says is in the other tests; this is what odd ones may say.
func TestParseOddLinks(t *testing.T) {
	t.Parallel()
	header := unix.IfInfomsg{Index: 3, Type: unix.ARPHRD_ETHER}
	for name, tt := range map[string]struct {
		in   []byte
		want []Link
	}{
		"no header":      {encode(header)[:15], nil},
		"only a header":  {body(header), []Link{{Index: 3, Ethernet: true}}},
		"no end of name": {body(header, attribute(unix.IFLA_IFNAME, 'a', 'b')), []Link{{Name: "ab", Index: 3, Ethernet: true}}},
		"short master":   {body(header, attribute(unix.IFLA_MASTER, 1, 0)), []Link{{Index: 3, Ethernet: true}}},
		"no kind":        {body(header, attribute(unix.IFLA_LINKINFO, attribute(9, 1)...)), []Link{{Index: 3, Ethernet: true}}},
		"netkit": {body(header, attribute(unix.IFLA_LINK_NETNSID, 0, 0, 0, 0), attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, []byte("netkit\x00")...)...)),
			[]Link{{Index: 3, Ethernet: true, Kind: "netkit", PeerAway: true}}},
	} {
		if got := parseLink(tt.in); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestArrange(t *testing.T) {
	t.Parallel()
	got := arrange([]Link{{Index: 3, Name: "c"}, {Index: 1, Name: "a"}, {Index: 3, Name: "again"}, {Index: 2, Name: "b"}})
	want := []Link{{Index: 1, Name: "a"}, {Index: 2, Name: "b"}, {Index: 3, Name: "c"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseOddAssignments(t *testing.T) {
	t.Parallel()
	header := unix.IfAddrmsg{Family: unix.AF_INET, Prefixlen: 24, Index: 3}
	mctp := header
	mctp.Family = unix.AF_MCTP
	six := unix.IfAddrmsg{Family: unix.AF_INET6, Prefixlen: 64, Index: 3, Flags: unix.IFA_F_TENTATIVE}
	tooLong := unix.IfAddrmsg{Family: unix.AF_INET, Prefixlen: 33, Index: 3}
	ours := []assignment{{3, netip.MustParsePrefix("10.0.0.1/24")}}
	ourSix := []assignment{{3, netip.MustParsePrefix("2001::/64")}}
	four, sixteen := []byte{10, 0, 0, 1}, []byte{0x20, 1, 15: 0}
	for name, tt := range map[string]struct {
		in   []byte
		want []assignment
	}{
		"no header":         {encode(header)[:7], nil},
		"no address":        {body(header), nil},
		"no IFA_LOCAL":      {body(header, attribute(unix.IFA_ADDRESS, four...)), ours},
		"both":              {body(header, attribute(unix.IFA_ADDRESS, 10, 0, 0, 2), attribute(unix.IFA_LOCAL, four...)), ours},
		"MCTP":              {body(mctp, attribute(unix.IFA_LOCAL, 8)), nil},
		"of another family": {body(header, attribute(unix.IFA_LOCAL, sixteen...)), nil},
		"prefix too long":   {body(tooLong, attribute(unix.IFA_LOCAL, four...)), nil},
		"tentative":         {body(six, attribute(unix.IFA_ADDRESS, sixteen...)), nil},
		"all flags":         {body(six, attribute(unix.IFA_ADDRESS, sixteen...), attribute(unix.IFA_FLAGS, 0, 2, 0, 0)), ourSix},
	} {
		if got := parseAssignment(tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestParseOddRoutes(t *testing.T) {
	t.Parallel()
	header := unix.RtMsg{Family: unix.AF_INET, Dst_len: 24, Table: unix.RT_TABLE_MAIN, Type: unix.RTN_UNICAST}
	to, out := attribute(unix.RTA_DST, 10, 0, 0, 0), attribute(unix.RTA_OIF, encode(uint32(3))...)
	cached, tooLong, six := header, header, header
	cached.Flags, tooLong.Dst_len, six.Family = unix.RTM_F_CLONED, 33, unix.AF_INET6
	plain := []Route{route("10.0.0.0/24", "", 3)}
	nextHop := func(size uint16, attributes ...byte) []byte {
		return append(encode(unix.RtNexthop{Len: size, Ifindex: 4}), attributes...)
	}
	gateway := attribute(unix.RTA_GATEWAY, 10, 0, 0, 9)
	for name, tt := range map[string]struct {
		in   []byte
		want []Route
	}{
		"plain":              {body(header, to, out), plain},
		"half a header":      {encode(header)[:11], nil},
		"of another family":  {body(six, out), nil},
		"cached":             {body(cached, to, out), nil},
		"another table":      {body(header, to, out, attribute(unix.RTA_TABLE, encode(uint32(1000))...)), nil},
		"prefix too long":    {body(tooLong, to, out), nil},
		"no interface":       {body(header, to), []Route{route("10.0.0.0/24", "", 0)}},
		"odd gateway":        {body(header, to, out, attribute(unix.RTA_GATEWAY, 1, 2)), plain},
		"odd RTA_VIA":        {body(header, to, out, attribute(unix.RTA_VIA, unix.AF_INET)), plain},
		"no hops":            {body(header, to, out, attribute(unix.RTA_MULTIPATH)), nil},
		"hop too small":      {body(header, to, attribute(unix.RTA_MULTIPATH, nextHop(7)...)), nil},
		"hop of zero length": {body(header, to, attribute(unix.RTA_MULTIPATH, nextHop(0)...)), nil},
		"hop is cut":         {body(header, to, attribute(unix.RTA_MULTIPATH, nextHop(9)...)), nil},
		"second hop is cut": {body(header, to, attribute(unix.RTA_MULTIPATH, slices.Concat(nextHop(16, gateway...), nextHop(16))...)),
			[]Route{route("10.0.0.0/24", "10.0.0.9", 4)}},
	} {
		if got := parseRoute(unix.AF_INET, tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
		if _, ok := parsePath(tt.in); ok == (name == "half a header") {
			t.Errorf("%s: a path: %v", name, ok)
		}
	}
}

// FuzzAnswer takes a datagram for an answer to each of the five questions. What
// is kept in testdata was said by a kernel.
func FuzzAnswer(f *testing.F) {
	f.Add(request(unix.RTM_NEWLINK, 0, body(unix.IfInfomsg{Index: 3}, attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, 'v')...))))
	f.Add(request(unix.RTM_NEWADDR, 0, body(unix.IfAddrmsg{Family: unix.AF_INET6}, attribute(unix.IFA_ADDRESS, make([]byte, 16)...))))
	f.Add(request(unix.RTM_NEWROUTE, 0, body(unix.RtMsg{Family: unix.AF_INET, Table: unix.RT_TABLE_MAIN, Type: unix.RTN_UNICAST},
		attribute(unix.RTA_MULTIPATH, encode(unix.RtNexthop{Len: 8})...), attribute(unix.RTA_VIA, 10, 0, 1))))
	f.Add(request(unix.NLMSG_ERROR, 0, encode(int32(-101))))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := messages(b[:len(b):len(b)])
		if err != nil && len(all) > 0 {
			t.Fatalf("an error and %d messages", len(all))
		}
		for _, m := range all {
			if err := m.outcome(); err != nil {
				_ = err.Error()
			}
			for _, l := range parseLink(m.body) {
				if l.PeerAway && l.Kind == "" {
					t.Errorf("a pair of no kind: %+v", l)
				}
			}
			for _, a := range parseAssignment(m.body) {
				if !a.prefix.IsValid() {
					t.Errorf("not a prefix: %+v", a)
				}
			}
			for _, r := range slices.Concat(parseRoute(unix.AF_INET, m.body), parseRoute(unix.AF_INET6, m.body)) {
				if !r.Destination.IsValid() {
					t.Errorf("not a destination: %+v", r)
				}
			}
			parsePath(m.body)
			parseNeighbour(m.body)
		}
	})
}
