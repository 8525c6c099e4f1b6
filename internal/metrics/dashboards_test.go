package metrics

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// deploy is where the files for users are, seen from this package.
const deploy = "../../deploy"

func TestPrometheusFilesAreValid(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(deploy, "prometheus")
	promtool(t, dir, "", "check", "config", "prometheus.yaml")
	promtool(t, dir, "", "check", "rules", "alerts.yaml")
	promtool(t, dir, "", "test", "rules", "alerts_test.yaml")
}

// TestAlertsAreWhole: each has a case in which it fires, says how bad it is and what
// to do, and has a row in the guides.
func TestAlertsAreWhole(t *testing.T) {
	t.Parallel()
	cases := read(t, "prometheus", "alerts_test.yaml")
	guides := read(t, "..", "docs", "metrics.md") + read(t, "..", "docs", "metrics.ko.md")
	alerts := strings.Split(read(t, "prometheus", "alerts.yaml"), "- alert: ")[1:]
	if len(alerts) < 8 {
		t.Errorf("%d alerts", len(alerts))
	}
	for _, alert := range alerts {
		name, _, _ := strings.Cut(alert, "\n")
		for _, field := range []string{`\n        expr: \S`, `\n        for: \d`, `\n        labels: {severity: (critical|warning|info)}\n`, `\n          summary: \S`, `\n          description: >-\n            \S`} {
			if !regexp.MustCompile(field).MatchString(alert) {
				t.Errorf("%s: nothing matches %q", name, field)
			}
		}
		if !regexp.MustCompile(`\{labels: '\{alertname="` + name + `"`).MatchString(cases) {
			t.Errorf("%s fires in no test", name)
		}
		if strings.Count(guides, "| `"+name+"` |") != 2 {
			t.Errorf("%s is not once in each guide", name)
		}
	}
}

// TestAlertsAndPanelsAskForWhatThereIs: each name in a query is a metric that a
// gateway exposes, or Prometheus itself; and each of ours is on the dashboard.
func TestAlertsAndPanelsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	there := exposed(exposition(t))
	there["up"] = true
	shown := map[string]bool{}
	for _, query := range queries(t) {
		for _, name := range names(query) {
			shown[name] = true
			if !there[name] {
				t.Errorf("there is no %s, for which the dashboard asks: %s", name, query)
			}
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^\s+expr: (.+)$`).FindAllStringSubmatch(read(t, "prometheus", "alerts.yaml"), -1) {
		for _, name := range names(match[1]) {
			if !there[name] {
				t.Errorf("there is no %s, for which an alert asks: %s", name, match[1])
			}
		}
	}
	for name := range there {
		if strings.HasPrefix(name, "wolgate_") && !shown[name] {
			t.Errorf("%s is on no panel", name)
		}
	}
}

// TestPanelsAreQueriesOfPrometheus has promtool parse each of them as a rule.
func TestPanelsAreQueriesOfPrometheus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rules := "groups:\n- name: panels\n  rules:\n"
	list := queries(t)
	for n, query := range list {
		rules += fmt.Sprintf("  - {record: 'panel:%d', expr: '%s'}\n", n, strings.ReplaceAll(query, "'", "''"))
	}
	if err := os.WriteFile(filepath.Join(dir, "panels.yaml"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := promtool(t, dir, "", "check", "rules", "panels.yaml"); !strings.Contains(said, fmt.Sprintf("%d rules found", len(list))) {
		t.Errorf("promtool: %s", said)
	}
}

// TestTheDashboardCanBeImported: it names its data source by a variable, so that it
// works in any Grafana, and every panel has a place and a number of its own.
func TestTheDashboardCanBeImported(t *testing.T) {
	t.Parallel()
	d := dashboard(t)
	if d.UID != "wolgate" || d.Title == "" || d.ID != nil || d.SchemaVersion < 30 {
		t.Errorf("uid %q, title %q, id %v, schema %d", d.UID, d.Title, d.ID, d.SchemaVersion)
	}
	if !slices.ContainsFunc(d.Templating.List, func(v variable) bool {
		return v.Name == "datasource" && v.Type == "datasource" && v.Query == "prometheus"
	}) {
		t.Error("it has no variable for the data source")
	}
	numbers := map[int]bool{}
	for i, p := range d.Panels {
		if p.Title == "" || numbers[p.ID] || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H == 0 {
			t.Errorf("panel %d: %+v", p.ID, p)
		}
		numbers[p.ID] = true
		if p.Type != "row" && (p.Description == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0) {
			t.Errorf("panel %q: %+v", p.Title, p)
		}
		for _, q := range d.Panels[:i] {
			a, b := p.GridPos, q.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q overlap", p.Title, q.Title)
			}
		}
	}
}

// dashboardModel is what is looked at here of Grafana's JSON model.
type dashboardModel struct {
	ID            *int
	UID, Title    string
	SchemaVersion int
	Templating    struct{ List []variable }
	Panels        []panel
}

type variable struct {
	Name, Type string
	Query      any // text, or an object
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct{ Expr string }
}

func dashboard(t *testing.T) (d dashboardModel) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, "grafana", "wolgate.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// queries returns those of all panels, with Grafana's variables filled in.
func queries(t *testing.T) (list []string) {
	t.Helper()
	fill := strings.NewReplacer("$__rate_interval", "5m", "$__range", "24h", "$instance", ".*")
	for _, p := range dashboard(t).Panels {
		for _, target := range p.Targets {
			query := fill.Replace(target.Expr)
			if query == "" || strings.Contains(query, "$") {
				t.Errorf("panel %q: %q", p.Title, query)
			}
			list = append(list, query)
		}
	}
	if len(list) < 10 {
		t.Fatalf("%d queries", len(list))
	}
	return list
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{deploy}, elements...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// exposed returns the names of the metrics in a text of Prometheus.
func exposed(text string) map[string]bool {
	all := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE ([a-z0-9_]+) `).FindAllStringSubmatch(text, -1) {
		all[match[1]] = true
	}
	return all
}

// names returns the metrics that a query asks for.
func names(query string) (list []string) {
	query = regexp.MustCompile(`"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring|group_left|group_right) ?\([^)]*\)|\boffset \w+`).ReplaceAllString(query, " ")
	for _, match := range regexp.MustCompile(`([a-z_][a-z0-9_]*) *(\(?)`).FindAllStringSubmatch(query, -1) {
		if match[2] == "" && !slices.Contains([]string{"and", "or", "unless"}, match[1]) {
			list = append(list, strings.TrimSuffix(match[1], "_bucket")) // of a histogram
		}
	}
	return list
}
