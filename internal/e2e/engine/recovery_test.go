package engine

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// recovery: what is killed comes back by itself. Meanwhile a client is told so, and never
// of a packet that has not left.
func recovery(t *testing.T, w *world, c *client) {
	kill := func(service string) func() {
		return func() {
			must(t, syscall.Kill(w.inspect(t, w.id(t, service)).State.Pid, syscall.SIGKILL))
		}
	}
	const all, one = copies, 1 // of the packets of a wake, where the daemon is told to stop and where it is not
	for _, fault := range []struct {
		name string
		want int
		do   func()
	}{
		{"kill -9 of wol-server", one, kill("wol-server")},
		{"kill -9 of api-server", all, kill("api-server")},
		{"restart of the engine", all, func() { w.stop(t); w.start(t) }},
		{"power cut", one, func() { w.powerCut(t); w.start(t) }},
		// Without live-restore a new engine ends the containers that the killed one has left
		// running, takes that for a docker stop, and unless-stopped keeps them down
		// (github.com/moby/moby/issues/41302).
		{"kill -9 of an engine with live-restore", all, func() {
			w.stop(t)
			w.configure(t, `{"live-restore": true}`)
			w.start(t)
			w.wakes(t, c, "live-restore")
			w.kill(t)
			w.start(t)
			w.configure(t, "{}")
		}},
	} {
		crowd := w.crowd(c)
		fault.do()
		w.wakes(t, c, fault.name)
		crowd.end(t, w, fault.name, fault.want)
	}
}

// crowd wakes steadily, some five times a second.
type crowd struct {
	stop     chan struct{}
	done     sync.WaitGroup
	sent     []string       // MACs that were answered with 200
	statuses map[int]int    // how many answers of each
	strange  map[int]string // an answer of each that should not be
}

func (w *world) crowd(c *client) *crowd {
	c = &client{base: c.base, keys: c.keys, http: c.http}
	s := &crowd{stop: make(chan struct{}), statuses: map[int]int{}, strange: map[int]string{}}
	s.done.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
			}
			mac := w.mac()
			status, body := c.wake(mac)
			s.statuses[status]++
			switch status {
			case http.StatusOK:
				s.sent = append(s.sent, mac)
			case 0, http.StatusBadGateway, http.StatusServiceUnavailable:
			default:
				s.strange[status] = body
			}
		}
	})
	return s
}

// copies is how many packets a wake is on lan0: three, each to two broadcast addresses.
const copies = 6

// end checks that each 200 has so many of its packets on the LAN.
func (s *crowd) end(t *testing.T, w *world, why string, want int) {
	t.Helper()
	time.Sleep(time.Second) // of ordinary service
	close(s.stop)
	s.done.Wait()
	for _, mac := range s.sent {
		w.arrives(t, mac, want, why)
	}
	for status, body := range s.strange {
		t.Errorf("%s: answer %d: %s", why, status, body)
	}
	if len(s.sent) == 0 {
		t.Errorf("%s: nothing was sent at all: %v", why, s.statuses)
	}
	t.Logf("%s: answers by status %v", why, s.statuses)
}

// upgrade replaces both containers, one after the other, by those of another image, as
// after a git pull.
func upgrade(t *testing.T, w *world, c *client) {
	before := w.inDeploy(t, "run", "--rm", "keys", "list")
	env := []string{"WOLGATE_TAG=next"}
	for _, service := range []string{"wol-server", "api-server"} {
		old := w.id(t, service)
		crowd := w.crowd(c)
		w.runIn(t, "../../../deploy", env, "docker-compose", "up", "-d", "--no-deps", "--force-recreate", service)
		w.wakes(t, c, "upgrade of "+service)
		crowd.end(t, w, "upgrade of "+service, copies)
		now := w.id(t, service)
		if got := w.inspect(t, now).Config.Image; now == old || got != fmt.Sprintf("wolgate/%s:next", service) {
			t.Errorf("%s was not replaced: %s", service, got)
		}
		if out := w.run(t, "docker", "exec", now, service, "version"); !strings.HasPrefix(out, service+" v9.9.0-next ") {
			t.Errorf("%s is %s", service, out)
		}
	}
	if after := w.inDeploy(t, "run", "--rm", "keys", "list"); after != before {
		t.Errorf("keys before:\n%s\nafter:\n%s", before, after)
	}
}
