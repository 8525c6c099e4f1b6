// Package engine runs the images, the compose files and the pipeline on a real container
// engine. It lies in a network namespace of the tests, so that the host network of a
// container is a LAN that they have made, and registries are out of reach.
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
	// Building for other processors takes the machine minutes, and the rest mostly waits.
	t.Run("meanwhile", func(t *testing.T) {
		t.Run("release", func(t *testing.T) {
			t.Parallel()
			release(t, w)
		})
		t.Run("the rest", func(t *testing.T) {
			t.Parallel()
			for name, run := range map[string]func(*testing.T, *world){"health": health, "caddy": caddy, "nginx": nginx, "traefik": traefik} {
				t.Run(name, func(t *testing.T) { run(t, w) })
			}
		})
	})
	part("deploy", deploy)
	part("compose", compose)
}
