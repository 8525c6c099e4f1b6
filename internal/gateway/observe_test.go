package gateway

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/wol"
)

// counts is an Observer that keeps what it is told.
type counts struct {
	mu  sync.Mutex
	all map[string]int
}

func (c *counts) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]int{}
	}
	c.all[what]++
}

// take returns what was counted since the last take.
func (c *counts) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := maps.Clone(c.all)
	clear(c.all)
	return taken
}

func (c *counts) Request(route string, _ int, took time.Duration) {
	if took < 0 {
		c.count("a request that took less than nothing")
	}
	c.count(route)
}
func (c *counts) Denied(why wol.Denial) { c.count("denied: " + string(why)) }
func (c *counts) Limited(by Limit)      { c.count("limited: " + string(by)) }

// TestRefusalsAreCounted has every way to be kept out.
func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	const one, bulk = "/api/v1/wol/:mac_addr", "/api/v1/wol"
	large := `{"targets":[` + strings.Repeat(" ", maxOptions) + `{"mac_addr":"02:00:00:00:00:01"}]}`
	d := open(t, nil)
	for name, tt := range map[string]struct {
		path, body, key string
		want            map[string]int
	}{
		"a valid key":          {target, "", d.wake, map[string]int{one: 1}},
		"no key":               {target, "", "", map[string]int{one: 1, "denied: no_key": 1}},
		"a wrong key":          {target, "", "wrong", map[string]int{one: 1, "denied: invalid": 1}},
		"an expired key":       {target, "", d.old, map[string]int{one: 1, "denied: expired": 1}},
		"without the scope":    {target, "", d.admin, map[string]int{one: 1, "denied: scope": 1}},
		"another target":       {"/api/v1/wol/02:00:00:00:00:02", "", d.narrow, map[string]int{one: 1, "denied: target": 1}},
		"wrong key, body":      {bulk, large, "wrong", map[string]int{"denied: invalid": 1}}, // no route has seen it
		"expired key, body":    {bulk, large, d.old, map[string]int{"denied: expired": 1}},
		"nothing there":        {"/nowhere", "", "", map[string]int{"none": 1}},
		"a key in a query":     {target + "?key=" + d.wake, "", "", map[string]int{one: 1}}, // 400 and no try
		"a target of nonsense": {"/api/v1/wol/x", "", d.wake, map[string]int{one: 1}},
	} {
		headers := []string{"Content-Type", "application/json"}
		if tt.key != "" {
			headers = append(headers, "Authorization", tt.key)
		}
		d.call(t, http.MethodPost, tt.path, tt.body, headers...)
		if diff := cmp.Diff(tt.want, d.counts.take()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestLimitsAreCounted uses up each limit of the gateway.
func TestLimitsAreCounted(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) { o.Rate, o.Burst = 0.001, 2 })
	use := func(calls int, path, body, key string, want map[string]int) {
		t.Helper()
		for range calls {
			d.call(t, http.MethodPost, path, body, "Authorization", key, "Content-Type", "application/json")
		}
		got := d.counts.take()
		maps.DeleteFunc(got, func(what string, _ int) bool { return strings.HasPrefix(what, "/") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	use(5, target, "", d.wake, map[string]int{"limited: key": 3})
	use(triesBurst+3, target, "", "wrong", map[string]int{"denied: invalid": triesBurst + 3, "limited: tries": 3})

	// The bucket of large bodies fills as fast as 16 a second, so all come at once.
	const calls = largeBurst + 30
	body := `{"targets":[` + strings.Repeat(" ", maxOptions) + `{"mac_addr":"02:00:00:00:00:01"}]}`
	refused := 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range calls / 2 {
				a := d.call(t, http.MethodPost, "/api/v1/wol", body, "Authorization", d.narrow, "Content-Type", "application/json")
				if strings.Contains(a.body, "large bodies") {
					mu.Lock()
					refused++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if got := d.counts.take()["limited: large_bodies"]; got == 0 || got != refused {
		t.Errorf("%d large bodies counted, %d refused", got, refused)
	}
}
