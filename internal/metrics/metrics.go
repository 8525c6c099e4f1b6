package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wolgate/internal/gateway"
	"wolgate/internal/program"
	"wolgate/internal/wol"
)

// limitDaemon is a limit beside those of the gateway: the daemon's packet budget.
const limitDaemon gateway.Limit = "daemon"

// Metrics counts for Prometheus. Its methods may be called from many goroutines.
//
// Every label takes one of a set of values that is known beforehand, except for the
// names of interfaces, which packets bounds.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	denied   map[wol.Denial]prometheus.Counter
	limited  map[gateway.Limit]prometheus.Counter
	wakes    map[wol.Outcome]prometheus.Counter
	packets  *packets
	first    prometheus.Histogram
}

// New returns metrics that begin at 0. keys returns how many keys are valid now, and
// up reports whether the daemon answers.
func New(keys func() int, up func() bool) *Metrics {
	registry := prometheus.NewRegistry()
	m := &Metrics{
		registry: registry,
		requests: counters(registry, "wolgate_requests_total", "HTTP requests by the pattern of the route and the status of the answer.", "route", "status"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wolgate_request_duration_seconds", Help: "Time from the HTTP request to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route"}),
		denied: each(counters(registry, "wolgate_auth_failures_total",
			"Requests that were let in by no key: none was presented, it is not valid, it has expired; or not by this one: it lacks the scope or the target.", "reason"), wol.Denials()),
		limited: each(counters(registry, "wolgate_rate_limited_total",
			"Requests refused by a limit: that of a key, of tries without a valid key from one address, of large bodies, of memory for large calls, or the daemon's packet budget.", "limit"), append(gateway.Limits(), limitDaemon)),
		wakes: each(counters(registry, "wolgate_wakes_total",
			"Targets that the daemon was asked to wake, by what became of their magic packets; sent does not mean awake.", "outcome"),
			wol.Outcomes()),
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
		}, func() float64 {
			if up() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "wolgate_keys", Help: "API keys that are valid now.",
		}, func() float64 { return float64(keys()) }),
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

// Handler serves the metrics in the format that the scrape asks for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Request counts one request. route is a pattern, so that clients cannot make up new
// series.
func (m *Metrics) Request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}

// Denied counts a request of a caller who is not let in.
func (m *Metrics) Denied(why wol.Denial) { m.denied[why].Inc() }

// Limited counts a request that a limit of the gateway refuses.
func (m *Metrics) Limited(by gateway.Limit) { m.limited[by].Inc() }
