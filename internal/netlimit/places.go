package netlimit

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"wolgate/internal/ratelimit"
)

// places counts the connections that are open. It remembers a source only as
// long as it has one, so it is as bounded as they are.
type places struct {
	limits Limits

	mu      sync.Mutex
	total   int
	sources map[netip.Prefix]int
}

func newPlaces(limits Limits) *places {
	return &places{limits: limits, sources: map[netip.Prefix]int{}}
}

// verdict is whether there is a place, and else what there is none of.
type verdict int

const (
	free verdict = iota
	full
	sourceFull
)

// take takes a place if there is one. The source is asked first, so that the log
// names the one who overdoes it.
func (p *places) take(source netip.Prefix) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limits.PerSource > 0 && source.IsValid() && p.sources[source] >= p.limits.PerSource {
		return sourceFull
	}
	if p.total >= p.limits.Total {
		return full
	}
	p.total++
	p.sources[source]++
	return free
}

func (p *places) giveBack(source netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	p.sources[source]--
	if p.sources[source] == 0 {
		delete(p.sources, source)
	}
}

// sourceOf returns where a connection comes from, or the zero Prefix where it is not
// counted by source: an exempt peer, and one that has no IP address.
func (p *places) sourceOf(c net.Conn) netip.Prefix {
	ip, ok := c.RemoteAddr().(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.Prefix{}
	}
	addr := ip.AddrPort().Addr().Unmap().WithZone("")
	if slices.ContainsFunc(p.limits.Exempt, func(e netip.Prefix) bool { return e.Contains(addr) }) {
		return netip.Prefix{}
	}
	return ratelimit.Source(addr)
}
