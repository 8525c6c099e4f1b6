package program_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/program"
)

type values struct {
	Socket string
	Port   int
	Gap    time.Duration
	Docs   bool
	Level  string
}

func settings(v *values) *program.Settings {
	s := program.NewSettings("WOL_")
	s.AddAs("keys", "WOL_KEYS_FILE", "/s", "a path", program.Text(&v.Socket))
	s.Add("max-port", "9", "a port", program.Number(&v.Port, 1, 65535))
	s.Add("gap", "300ms", "a time", program.Duration(&v.Gap, time.Millisecond, time.Minute))
	s.AddBool("docs", true, "a switch", &v.Docs)
	s.Add("level", "info", "a word", program.Choice(&v.Level, "info", "debug"))
	s.Knows("WOL_SECRET")
	return s
}

func TestSettings(t *testing.T) {
	t.Parallel()
	base := values{"/s", 9, 300 * time.Millisecond, true, "info"}
	change := func(f func(*values)) values {
		v := base
		f(&v)
		return v
	}
	for name, tt := range map[string]struct {
		args, environ []string
		want          values
	}{
		"defaults":           {want: base},
		"variable":           {environ: []string{"WOL_MAX_PORT=7", "WOL_KEYS_FILE=/k=1"}, want: change(func(v *values) { v.Port, v.Socket = 7, "/k=1" })},
		"flag beats it":      {args: []string{"--max-port=40000"}, environ: []string{"WOL_MAX_PORT=7"}, want: change(func(v *values) { v.Port = 40000 })},
		"one dash, two args": {args: []string{"-gap", "1s", "-docs=false"}, want: change(func(v *values) { v.Gap, v.Docs = time.Second, false })},
		"bare switch":        {args: []string{"--docs"}, environ: []string{"WOL_DOCS=false"}, want: base},
		"empty is a value":   {environ: []string{"WOL_KEYS_FILE="}, want: change(func(v *values) { v.Socket = "" })},
		"others' variables":  {environ: []string{"API_KEY=x", "PATH=/bin", "WOL_SECRET=x", "odd"}, want: base},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got values
			warnings, err := settings(&got).Load(tt.args, tt.environ)
			if err != nil || len(warnings) > 0 {
				t.Fatalf("%v, warnings %v", err, warnings)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsRefuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args, environ []string
		says          []string
	}{
		{args: []string{"--nonsense"}, says: []string{"nonsense", "--help"}},
		{args: []string{"--docs", "false"}, says: []string{"false", "--help"}},
		{args: []string{"--max-port"}, says: []string{"max-port", "--help"}},
		{args: []string{"--max-port=0"}, says: []string{"--max-port", "1 to 65535"}},
		{environ: []string{"WOL_MAX_PORT=ten"}, says: []string{"WOL_MAX_PORT", "1 to 65535"}},
		{environ: []string{"WOL_MAX_PORT="}, says: []string{"WOL_MAX_PORT", "1 to 65535"}},
		{args: []string{"--gap=3"}, says: []string{"--gap", "300ms"}},
		{args: []string{"--gap=2h"}, says: []string{"--gap", "300ms"}},
		{args: []string{"--docs=maybe"}, says: []string{"--docs", "true"}},
		{args: []string{"--level=loud"}, says: []string{"--level", "info, debug"}},
	} {
		var v values
		_, err := settings(&v).Load(tt.args, tt.environ)
		if _, ok := errors.AsType[program.ConfigError](err); !ok {
			t.Errorf("%v %v: %v, want a ConfigError", tt.args, tt.environ, err)
			continue
		}
		for _, word := range tt.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%v %v: %q does not say %q", tt.args, tt.environ, err, word)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %q", err)
		}
	}
}

func TestSettingsWarnOfStrangers(t *testing.T) {
	t.Parallel()
	var v values
	warnings, err := settings(&v).Load(nil, []string{"WOL_SERVER_PORT=tcp://10.0.0.1:8080", "WOL_SECRET=canary"})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "WOL_SERVER_PORT") || strings.Contains(warnings[0], "10.0.0.1") {
		t.Errorf("%v, warnings %q", err, warnings)
	}
}

// TestSettingsIgnoreServiceLinks: for a service named wol, Kubernetes and Docker set WOL_PORT.
func TestSettingsIgnoreServiceLinks(t *testing.T) {
	t.Parallel()
	load := func(environ ...string) (port int, hosts string, warnings []string, err error) {
		s := program.NewSettings("WOL_")
		s.Add("port", "9", "a port", program.Number(&port, 1, 65535))
		s.Add("hosts", "", "names", program.Text(&hosts))
		warnings, err = s.Load(nil, environ)
		return port, hosts, warnings, err
	}
	port, _, warnings, err := load("WOL_PORT=tcp://10.43.0.9:9")
	if err != nil || port != 9 || len(warnings) != 1 || !strings.Contains(warnings[0], "WOL_PORT") || !strings.Contains(warnings[0], "enableServiceLinks") {
		t.Errorf("port %d, %v, warnings %q", port, err, warnings)
	}
	if _, hosts, warnings, err := load("WOL_HOSTS=udp://10.0.0.255"); err != nil || hosts != "udp://10.0.0.255" || len(warnings) > 0 {
		t.Errorf("a rule that somebody wrote was ignored: %q, %v, warnings %q", hosts, err, warnings)
	}
}

// TestSettingsRefuseQuotes: a name in quotes matches nothing, and a key in quotes nobody's.
func TestSettingsRefuseQuotes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ args, environ []string }{
		"WOL_KEYS_FILE": {environ: []string{`WOL_KEYS_FILE="/k"`}},
		"WOL_LEVEL":     {environ: []string{`WOL_LEVEL='info'`}},
		"WOL_GAP":       {environ: []string{`WOL_GAP=""`}},
		"WOL_SECRET":    {environ: []string{`WOL_SECRET="canary"`}}, // read elsewhere
		"--keys":        {args: []string{`--keys="/k"`}},
	} {
		var v values
		_, err := settings(&v).Load(tt.args, tt.environ)
		if _, ok := errors.AsType[program.ConfigError](err); !ok || !strings.HasPrefix(err.Error(), name+" is in quotes") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var v values
	s := settings(&v)
	if _, err := s.Load([]string{"--help"}, nil); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got %v", err)
	}
	var out bytes.Buffer
	s.Help(&out)
	for _, word := range []string{"--max-port", "WOL_MAX_PORT", "WOL_KEYS_FILE", "300ms"} {
		if !strings.Contains(out.String(), word) {
			t.Errorf("no %s in:\n%s", word, out.String())
		}
	}
}

func TestExit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		code int
		says string
	}{
		{nil, 0, ""},
		{errors.New("socket gone"), 1, "wol-server: socket gone\n"},
		{fmt.Errorf("start: %w", program.ConfigError{Err: errors.New("--port is \"x\"")}), 78, "wol-server: start: --port is \"x\"\n"},
	} {
		var out bytes.Buffer
		if code := program.Exit(&out, "wol-server", tt.err); code != tt.code || out.String() != tt.says {
			t.Errorf("%v: code %d, %q", tt.err, code, out.String())
		}
	}
}

func TestGetenv(t *testing.T) {
	t.Parallel()
	getenv := program.Getenv([]string{"A=1", "AB=2", "A=3=4", "odd"})
	for name, want := range map[string]string{"A": "3=4", "AB": "2", "odd": "", "B": ""} {
		if got := getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
