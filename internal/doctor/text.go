package doctor

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"wolgate/internal/wol"
)

// Write writes the report for people: the interfaces, the findings, and the verdict in
// the last line.
func (r Report) Write(w io.Writer) error {
	var out page
	for _, i := range r.Interfaces {
		out.iface(i)
	}
	for _, f := range r.Findings {
		out.finding(f)
	}
	out.line("%s", r.Verdict())
	_, err := io.WriteString(w, out.text.String())
	return err
}

// Verdict returns one sentence: whether a LAN hears this host.
func (r Report) Verdict() string {
	var heard []string
	unknown := false
	for _, i := range r.Interfaces {
		if i.Probe != nil && i.Probe.Heard {
			heard = append(heard, title(i.Name))
		}
		unknown = unknown || i.Probe != nil && !i.Probe.Known
	}
	switch {
	case r.OK:
		return "At least one LAN hears this host: " + strings.Join(heard, ", ") + "."
	case unknown && !confines(r.Findings):
		return "It could not be seen whether a LAN hears this host: see above."
	default:
		return "No LAN hears this host: see above."
	}
}

// page collects lines.
type page struct {
	text strings.Builder
}

func (p *page) iface(i Examined) {
	if !i.Eligible {
		p.line("%s: not eligible: %s", title(i.Name), i.Reason)
		if i.Failing {
			p.field("cure", i.Cure)
		}
		return
	}
	p.line("%s: eligible", title(i.Name))
	p.field("addresses", strings.Join(i.Addresses, ", "))
	p.field("destinations", strings.Join(i.Destinations, ", "))
	p.field("routes", strings.Join(i.Routes, ", "))
	if i.Probe == nil {
		return
	}
	switch {
	case i.Probe.Heard:
		p.field("probe", "heard: "+i.Probe.Detail)
	case i.Probe.Known:
		p.field("probe", "not heard: "+i.Probe.Detail)
	default:
		p.field("probe", "unknown: "+i.Probe.Detail)
	}
}

func (p *page) finding(f wol.Finding) {
	about := f.Code
	if f.Interface != "" {
		about += " (" + f.Interface + ")"
	}
	p.line("%s: %s", about, f.Message)
	if f.Cure != "" {
		p.line("  cure: %s", f.Cure)
	}
}

func (p *page) field(name, value string) {
	if value != "" {
		p.line("  %-13s %s", name, value)
	}
}

func (p *page) line(format string, values ...any) {
	p.text.WriteString(printable(fmt.Sprintf(format, values...)) + "\n")
}

// title returns the name of an interface. The one without a name stands for the
// configured destinations.
func title(name string) string {
	if name == "" {
		return "--destinations"
	}
	return name
}

// printable escapes a line that would control the terminal. The name of an interface may
// hold any byte but a slash, a colon and white space.
func printable(line string) string {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if utf8.ValidString(line) && !strings.ContainsFunc(line, odd) {
		return line
	}
	quoted := strconv.Quote(line)
	return quoted[1 : len(quoted)-1]
}
