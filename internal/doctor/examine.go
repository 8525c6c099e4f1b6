package doctor

import (
	"context"
	"slices"

	"wolgate/internal/wol"
)

// Open makes the sender of the probes: one that sends exactly one copy to every
// destination of the interface that the request names. A port other than 0
// stands in for that of every destination, the configured ones included. closing
// is called once, when nothing more is to be sent.
type Open func(port uint16) (waker wol.Waker, closing func())

// Examine looks, sends one probe by each eligible interface and watches for it.
// A probe is a magic packet for a MAC that no card has. The port is the sender's
// configured one; where it would have to be listened on and cannot be, a second
// probe goes to another.
func (d Doctor) Examine(ctx context.Context, port uint16, open Open) (Report, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Interfaces: []Examined{}, Findings: f.findings()}
	for _, i := range f.annotated() {
		report.Interfaces = append(report.Interfaces, Examined{Interface: i})
	}
	if len(f.eligible()) == 0 {
		return report, nil
	}
	e, err := f.experiment(ctx, port, open)
	if err != nil {
		return Report{}, err
	}
	for _, t := range e.trials {
		i := slices.IndexFunc(report.Interfaces, func(one Examined) bool { return one.Name == t.iface })
		probe := e.verdict(t)
		report.Interfaces[i].Probe = &probe
		report.OK = report.OK || probe.Heard
		report.Findings = append(report.Findings, e.firewall(t)...)
	}
	report.OK = report.OK && !confines(report.Findings)
	return report, nil
}
