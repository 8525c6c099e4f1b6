package apiserver

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/gateway"
	"wolgate/internal/program"
	"wolgate/internal/wol"
)

// limitDaemon is a limit beside those of the gateway: the daemon's packet budget.
const limitDaemon gateway.Limit = "daemon"

// metrics is what Prometheus is told of both programs. The daemon has no listener
// for it: what is known of it comes from its answers.
//
// Every label takes one of a set of values that is known beforehand, but for the
// names of interfaces, which packets bounds.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	denied   map[gateway.Denial]prometheus.Counter
	limited  map[gateway.Limit]prometheus.Counter
	wakes    map[audit.Outcome]prometheus.Counter
	packets  *packets
	first    prometheus.Histogram
}

// newMetrics returns counters that begin at 0. keys returns the keys that are valid
// now, and ping asks the daemon whether it is there, until ctx ends.
func newMetrics(ctx context.Context, keys func() *apikey.Set, ping func(ctx context.Context, requestID string) error) *metrics {
	registry := prometheus.NewRegistry()
	m := &metrics{
		registry: registry,
		requests: counters(registry, "wolgate_requests_total", "HTTP requests by the pattern of the route and the status of the answer.", "route", "status"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wolgate_request_duration_seconds", Help: "Time from the HTTP request to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route"}),
		denied: each(counters(registry, "wolgate_auth_failures_total",
			"Requests that were let in by no key: none was presented, it is not valid, it has expired; or not by this one: it lacks the scope or the target.", "reason"), gateway.Denials()),
		limited: each(counters(registry, "wolgate_rate_limited_total",
			"Requests refused by a limit: that of a key, of tries without a valid key from one address, of large bodies, or the daemon's packet budget.", "limit"), append(gateway.Limits(), limitDaemon)),
		wakes: each(counters(registry, "wolgate_wakes_total",
			"Targets that the daemon was asked to wake, by what became of their magic packets; sent does not mean awake.", "outcome"),
			[]audit.Outcome{audit.Sent, audit.Partial, audit.Failed, audit.Refused, audit.Unknown}),
		packets: newPackets(counters(registry, "wolgate_packets_total",
			"Magic packets by the interface of the daemon's host, as its receipts list them: the first copy to each destination, not the copies that follow.", "interface", "outcome")),
		first: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "wolgate_first_packet_seconds",
			Help: "Time from when the gateway has let in a wake of one target to the daemon's answer, which comes once the first copy has gone to every destination: the first packet left no later.",
			// Both programs take less than a millisecond; a small call waits up to a
			// second for its turn in the daemon's packet budget; --timeout is 5 s.
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
	}
	release, revision, compiler := program.BuildInfo()
	registry.MustRegister(m.duration, m.first,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "wolgate_build_info", Help: "Always 1; its labels say which build of api-server this is.",
			ConstLabels: prometheus.Labels{"version": release, "revision": revision, "goversion": compiler},
		}, func() float64 { return 1 }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "wolgate_daemon_up", Help: "1 if wol-server answered within a second when it was asked for this scrape, otherwise 0.",
		}, (&presence{ctx: ctx, ping: ping}).up),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "wolgate_keys", Help: "API keys that are valid now.",
		}, func() float64 { return float64(keys().Usable(time.Now())) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counters(registry *prometheus.Registry, name, help string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	registry.MustRegister(vec)
	return vec
}

// each returns the counter of every value of the one label of vec. They exist from
// the start, because a series that begins at 1 shows no increase, and are looked up
// once.
func each[L ~string](vec *prometheus.CounterVec, values []L) map[L]prometheus.Counter {
	all := make(map[L]prometheus.Counter, len(values))
	for _, value := range values {
		all[value] = vec.WithLabelValues(string(value))
	}
	return all
}

// Request counts one request. route is a pattern, so that nobody outside can
// make up new series.
func (m *metrics) Request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}

// Denied counts a request that its key keeps out.
func (m *metrics) Denied(why gateway.Denial) { m.denied[why].Inc() }

// Limited counts a request that a limit of the gateway refuses.
func (m *metrics) Limited(by gateway.Limit) { m.limited[by].Inc() }

// watch counts what next does, in the words of the audit log.
func (m *metrics) watch(next wol.Waker) wol.Waker {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		start := time.Now()
		receipts, err := next.Wake(ctx, req)
		switch {
		case err != nil:
			m.failed(req, err)
		case len(req.Targets) == 1: // a call for many is paced by the packet budget
			m.first.Observe(time.Since(start).Seconds())
			m.received(receipts[0])
		default:
			for i := range req.Distinct() {
				m.received(receipts[i])
			}
		}
		return receipts, err
	})
}

func (m *metrics) received(r wol.Receipt) {
	m.wakes[audit.Outcome(r.Status)].Inc() // the words are the same
	m.packets.count(r.Sent, r.Failed, 1)
}

// failed counts a call of which nothing is known to have left. What it failed at, it
// failed at for every target.
func (m *metrics) failed(req wol.Request, err error) {
	targets := 0
	for range req.Distinct() {
		targets++
	}
	m.wakes[gateway.Outcome(err)].Add(float64(targets))
	if wol.KindOf(err) == wol.RateLimited {
		m.limited[limitDaemon].Inc()
	}
	if e, ok := errors.AsType[*wol.Error](err); ok {
		m.packets.count(nil, e.Failed, targets)
	}
}
