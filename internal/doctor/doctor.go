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
	// Root is os.DirFS("/"), in which containers and virtual machines leave traces.
	Root fs.FS
	// Getenv looks an environment variable up.
	Getenv func(name string) string
	// RawRefused is why raw frames that were asked for cannot be sent; empty where
	// they can, or were not asked for.
	RawRefused string
}

// Look returns what can be known without sending anything. No finding means that
// nothing is wrong.
func (d Doctor) Look(ctx context.Context) (wol.Interfaces, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return wol.Interfaces{}, err
	}
	return wol.Interfaces{Interfaces: f.annotated(), Findings: f.findings()}, nil
}

// facts are what is known of the host at one moment. All findings but those of
// probes follow from them.
type facts struct {
	interfaces []wol.Interface
	links      links             // nil if they cannot be read
	table      []rtnetlink.Route // the main routing table, shown only
	// routes has one for each configured destination, or that to 255.255.255.255
	// where none is configured.
	routes     []route
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
	f.table, _ = rtnetlink.Routes() // only shown, so it may be missing
	f.routes = f.findRoutes()
	return f, nil
}

// fixed reports whether destinations are configured in place of interfaces.
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
