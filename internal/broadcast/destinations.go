package broadcast

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ParseDestinations reads a comma list of ip or ip:port; port stands in where
// an entry names none. IPv6 with a port is written [ff02::1%eth0]:9.
func ParseDestinations(list string, port uint16) ([]netip.AddrPort, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var destinations []netip.AddrPort
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		to, err := netip.ParseAddrPort(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil {
				return nil, fmt.Errorf("%q is not an address: write ip or ip:port, such as 192.168.1.255 or 192.168.1.255:9", text)
			}
			to = netip.AddrPortFrom(addr, port)
		}
		if to.Port() == 0 || to.Addr().IsUnspecified() {
			return nil, fmt.Errorf("%q is not a destination: write an address other than 0.0.0.0 and a port from 1 to 65535", text)
		}
		to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
		if !slices.Contains(destinations, to) {
			destinations = append(destinations, to)
		}
	}
	return destinations, nil
}
