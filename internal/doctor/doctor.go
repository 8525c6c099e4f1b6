// Package doctor says why a magic packet would not arrive. It looks at the
// interfaces, the routes and the surroundings of this host, and it watches
// whether a probe leaves it: that the kernel has accepted a packet does not mean
// that a card has sent it. It sends by the wol.Waker that it is given, and
// nothing by itself.
package doctor

import (
	"context"
	"io/fs"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// Doctor examines this host.
type Doctor struct {
	// Interfaces lists the sender's interfaces: eligible or why not, and their
	// destinations. Where --destinations are configured, one without a name holds
	// them.
	Interfaces func(context.Context) ([]wol.Interface, error)
	// Root is the file system in which containers and virtual machines leave their
	// traces: os.DirFS("/").
	Root fs.FS
	// Getenv looks an environment variable up.
	Getenv func(name string) string
	// RawRefused is why raw frames that were asked for cannot be sent; empty where
	// they can, or were not asked for.
	RawRefused string
}

// Look says what can be known without sending anything. No finding means that
// nothing is wrong.
func (d Doctor) Look(ctx context.Context) (wol.Interfaces, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return wol.Interfaces{}, err
	}
	return wol.Interfaces{Interfaces: f.annotated(), Findings: f.findings()}, nil
}

// facts are what is known of the host at one moment. Everything that is said of
// it follows from them.
type facts struct {
	interfaces []wol.Interface
	links      links // nil where the kernel does not tell
	routes     []rtnetlink.Route
	// ways has one way for each configured destination, and where none is
	// configured that of 255.255.255.255.
	ways       []way
	traces     traces
	rawRefused string
}

func (d Doctor) facts(ctx context.Context) (facts, error) {
	f := facts{traces: d.traces(), rawRefused: d.RawRefused}
	var err error
	if f.interfaces, err = d.Interfaces(ctx); err != nil {
		return facts{}, err
	}
	// Configured destinations are sent to without knowing the interfaces.
	if f.links, err = readLinks(); err != nil && !f.fixed() {
		return facts{}, err
	}
	f.routes, _ = rtnetlink.Routes() // only shown, and no reason to say nothing
	f.ways = f.findWays()
	return f, nil
}

// fixed says whether destinations are configured in place of interfaces.
func (f facts) fixed() bool { return len(f.interfaces) == 1 && f.interfaces[0].Name == "" }

// eligible returns the interfaces that packets leave by.
func (f facts) eligible() []wol.Interface {
	var list []wol.Interface
	for _, i := range f.interfaces {
		if i.Eligible {
			list = append(list, i)
		}
	}
	return list
}
