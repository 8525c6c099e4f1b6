package doctor

import (
	"fmt"
	"net/netip"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// mostRoutes bounds how many routes of one interface are listed. A BGP router has a
// million.
const mostRoutes = 20

// annotated returns the interfaces with their routes; configured destinations have the
// route to each. No list is nil, because JSON would show null.
func (f facts) annotated() []wol.Interface {
	list := make([]wol.Interface, len(f.interfaces))
	for i, one := range f.interfaces {
		one.Addresses = append([]string{}, one.Addresses...)
		one.Destinations = append([]string{}, one.Destinations...)
		one.Routes = []string{}
		if f.fixed() {
			for _, r := range f.routes {
				one.Routes = append(one.Routes, r.text(f.links))
			}
		} else if index := f.links.named(one.Name).Index; index != 0 {
			one.Routes = routesBy(index, f.table)
		}
		list[i] = one
	}
	return list
}

func routesBy(index int, routes []rtnetlink.Route) []string {
	list, more := []string{}, 0
	for _, r := range routes {
		switch {
		case r.Interface != index || everywhere(r.Destination):
		case len(list) == mostRoutes:
			more++
		default:
			list = append(list, routeText(r))
		}
	}
	if more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return list
}

// everywhere reports whether every interface with IPv6 has this route: to link-local
// addresses (RFC 4291 section 2.5.6) or to multicast.
func everywhere(p netip.Prefix) bool {
	return p.Addr().Is6() && (p.Addr().IsLinkLocalUnicast() || p.Addr().IsMulticast())
}

func routeText(r rtnetlink.Route) string {
	text := r.Destination.String()
	if r.Destination.Bits() == 0 {
		text = "default"
	}
	if r.Gateway.IsValid() {
		text += " via " + r.Gateway.String()
	}
	return text
}
