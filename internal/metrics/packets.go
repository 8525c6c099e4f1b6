package metrics

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"wolgate/internal/wol"
)

// What a name of an interface may cost us. Names come from the daemon, which is not
// believed: each one is a series for as long as the gateway runs.
const (
	maxInterfaces = 64 // with a name of their own; far more than a host has LANs
	maxName       = 15 // bytes: IFNAMSIZ less the final zero, netdevice(7)
)

// Labels that stand for no interface.
const (
	routed = "routed" // the routing table chose, as for --destinations
	other  = "other"  // past maxInterfaces, or no name of an interface
)

// packets counts magic packets by interface.
type packets struct {
	vec *prometheus.CounterVec

	mu    sync.Mutex
	known map[string]interfaceCounters
}

// interfaceCounters counts the packets of one interface.
type interfaceCounters struct{ sent, failed prometheus.Counter }

func newPackets(vec *prometheus.CounterVec) *packets {
	return &packets{vec: vec, known: map[string]interfaceCounters{}}
}

// count adds what a receipt lists, for so many targets.
func (p *packets) count(sent []wol.Delivery, failed []wol.Failure, targets int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range sent {
		p.counters(sent[i].Interface).sent.Add(float64(targets))
	}
	for i := range failed {
		p.counters(failed[i].Interface).failed.Add(float64(targets))
	}
}

// counters returns those of one interface. It is called with the lock held.
func (p *packets) counters(name string) interfaceCounters {
	if known, ok := p.known[name]; ok {
		return known
	}
	label := name
	switch {
	case name == "":
		label = routed
	case len(p.known) >= maxInterfaces || !plausible(name):
		return p.labelled(other)
	}
	fresh := p.labelled(label)
	p.known[strings.Clone(name)] = fresh // name may be part of a whole answer
	return fresh
}

func (p *packets) labelled(label string) interfaceCounters {
	return interfaceCounters{p.vec.WithLabelValues(label, "sent"), p.vec.WithLabelValues(label, "failed")}
}

// plausible reports whether an interface could have this name: dev_valid_name of the
// kernel, and nothing that cannot be printed besides.
func plausible(name string) bool {
	if len(name) > maxName || name == "." || name == ".." || !utf8.ValidString(name) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r == '/' || r == ':' || r == ' ' || !unicode.IsPrint(r)
	})
}
