package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// container is what the engine says of one.
type container struct {
	ID    string `json:"Id"`
	Name  string
	State struct {
		Status string
		Pid    int
		Health *struct {
			Status string
			Log    []struct{ Output string }
		}
	}
	RestartCount int
	Config       struct {
		Image, User string
		Labels      map[string]string
	}
	HostConfig struct {
		ReadonlyRootfs bool
		CapAdd         []string
		CapDrop        []string
		SecurityOpt    []string
		Memory         int64
		NanoCpus       int64
		CPUQuota       int64
		CPUPeriod      int64
		PidsLimit      int64
		NetworkMode    string
		RestartPolicy  struct{ Name string }
		LogConfig      struct{ Config map[string]string }
	}
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

func (e *engine) inspect(t *testing.T, name string) container {
	t.Helper()
	var found []container
	must(t, json.Unmarshal([]byte(e.run(t, "docker", "inspect", "--type=container", name)), &found))
	return found[0]
}

// id returns the container of a compose service, running or not.
func (e *engine) id(t *testing.T, service string) string {
	t.Helper()
	id := e.run(t, "docker", "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project=wolgate",
		"--filter", "label=com.docker.compose.service="+service, "--filter", "label=com.docker.compose.oneoff=False")
	if id == "" || strings.Contains(id, "\n") {
		t.Fatalf("containers of %s: %q", service, id)
	}
	return id
}

// turns waits until the engine's own check says of a container that it is healthy, or is not.
func (e *engine) turns(t *testing.T, name, want string) {
	t.Helper()
	until(t, name+" is "+want, func() error {
		c := e.inspect(t, name)
		if c.State.Health == nil || c.State.Health.Status != want {
			return fmt.Errorf("%+v", c.State)
		}
		return nil
	})
}
