package engine

import (
	"testing"

	"wolgate/internal/lantest"
)

func TestMain(m *testing.M) { lantest.MainAsRoot(m) }

// TestEngine is one test, because one engine serves all of it, and what the first parts
// build the later ones run.
func TestEngine(t *testing.T) {
	w := newWorld(t)
	part := func(name string, run func(*testing.T, *world)) {
		t.Run(name, func(t *testing.T) { run(t, w) })
	}
	part("images", images)
	t.Run("variants", func(t *testing.T) { // most of it waits
		for name, run := range map[string]func(*testing.T, *world){"health": health, "proxies": proxies} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				run(t, w)
			})
		}
	})
	part("compose", compose)
	part("deploy", deploy)
}
