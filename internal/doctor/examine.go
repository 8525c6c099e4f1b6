package doctor

import (
	"context"
	"slices"

	"wolgate/internal/wol"
)

// Examine looks, sends one probe by each eligible interface and watches for it.
// A probe is a magic packet for a MAC that no card has. The waker must send exactly
// one copy to every destination of the interface that the request names; the port is
// the one it sends to, for the advice.
func (d Doctor) Examine(ctx context.Context, port uint16, waker wol.Waker) (Report, error) {
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
	run, err := f.probeRun(ctx, port, waker)
	if err != nil {
		return Report{}, err
	}
	for _, p := range run.probes {
		i := slices.IndexFunc(report.Interfaces, func(one Examined) bool { return one.Name == p.iface })
		result := run.verdict(p)
		report.Interfaces[i].Probe = &result
		report.OK = report.OK || result.Heard
		report.Findings = append(report.Findings, run.firewall(p)...)
	}
	report.Findings = append(report.Findings, run.unwatched()...)
	report.OK = report.OK && !confines(report.Findings)
	return report, nil
}
