package docscheck

import (
	"bytes"
	"context"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wolgate/internal/apiserver"
	"wolgate/internal/wolserver"
	"wolgate/internal/woltest"
)

type program struct {
	main func(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int
	verb string // has every flag of the program
}

func programs() map[string]program {
	return map[string]program{"wol-server": {wolserver.Main, "doctor"}, "api-server": {apiserver.Main, "serve"}}
}

func (p program) run(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	// A program that starts, because it takes a value that it should refuse, ends again.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	code = p.main(ctx, args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

// setting is what --help says of a flag; those of a verb alone have no variable.
type setting struct{ flag, variable, value string }

func (p program) settings(t *testing.T) (list []setting) {
	t.Helper()
	code, help, stderr := p.run(t, nil, p.verb, "--help")
	for _, found := range regexp.MustCompile(`(?m)^  --(\S+) .*\n(?:    ([A-Z0-9_]+)\s+default (.*))?`).FindAllStringSubmatch(help, -1) {
		list = append(list, setting{found[1], found[2], found[3]})
	}
	if code != 0 || stderr != "" || len(list) < 10 {
		t.Fatalf("exit code %d, settings %q: %s%s", code, list, help, stderr)
	}
	return list
}

// TestREADMENamesEverySetting compares the tables with what --help prints.
func TestREADMENamesEverySetting(t *testing.T) {
	t.Parallel()
	for _, p := range programs() {
		for _, name := range []string{"README.md", "README.ko.md"} {
			text := read(t, name)
			for _, s := range p.settings(t) {
				if s.variable == "" {
					continue
				}
				row := regexp.MustCompile("(?m)^\\|.*`--" + s.flag + "`.*`" + s.variable + "`.*$").FindString(text)
				if row == "" || s.value != "empty" && !strings.Contains(row, strings.Split(s.value, ",")[0]) {
					t.Errorf("%s: no row with --%s, %s and its default %s: %q", name, s.flag, s.variable, s.value, row)
				}
			}
		}
	}
}

// TestComposeTakesEverySetting: what is in .env reaches the container, except for what
// the compose files decide themselves.
func TestComposeTakesEverySetting(t *testing.T) {
	t.Parallel()
	decided := []string{"WOL_SOCKET", "WOL_ALLOW", "API_LISTEN", "API_WOL_SOCKET", "API_KEYS_FILE", "API_TRUSTED_PROXIES"}
	services := read(t, "deploy/services.yaml")
	for _, p := range programs() {
		for _, s := range p.settings(t) {
			if taken := strings.Contains(services, "\n      "+s.variable+":\n"); s.variable != "" && taken == slices.Contains(decided, s.variable) {
				t.Errorf("%s: services.yaml takes it from .env: %v", s.variable, taken)
			}
		}
	}
}

// wrong is values that a setting must refuse, and words of the cure.
type wrong struct {
	values []string
	cure   string
}

func wrongSettings() map[string]map[string]wrong {
	whole := wrong{[]string{"", "0", "-1", "1.5", "1e3", "many", "99999999999999999999"}, "write a whole number from 1 to "}
	yesno := wrong{[]string{"maybe", "", "2"}, "write true or false"}
	level := wrong{[]string{"", "loud", "INFO", "info\ninfo"}, "write one of debug, info, warn, error"}
	format := wrong{[]string{"", "xml", "json,text"}, "write one of json, text"}
	socket := wrong{[]string{"", "@wol", "/tmp/", "/" + strings.Repeat("x", 107)}, "choose "}
	names := wrong{[]string{"eth0,,eth1", ",", "eth[0"}, "write "}
	return map[string]map[string]wrong{
		"wol-server": {
			"socket":             socket,
			"interfaces":         names,
			"exclude-interfaces": names,
			"destinations":       {[]string{"nas.local", "1.2.3", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1,,127.0.0.2"}, "write "},
			"port":               {slices.Concat(whole.values, []string{"65536", "wol"}), "write a whole number from 1 to 65535"},
			"repeat":             {slices.Concat(whole.values, []string{"21"}), "write a whole number from 1 to 20"},
			"repeat-interval":    {[]string{"", "0", "5", "-1s", "11s", "0.1ms", "soon"}, "write a time from 1ms to 10s"},
			"ipv6":               yesno,
			"raw":                yesno,
			"allow":              {[]string{"/", "/dev/zero"}, "name a file with one MAC a line"},
			"max-pps":            whole,
			"allow-uids":         {[]string{"root", "-1", "4294967296", "4294967295", "0,,1", "65534", "0x0"}, ": "},
			"log-level":          level,
			"log-format":         format,
			"json":               yesno,
		},
		"api-server": {
			"listen":          {[]string{"", "8080", "localhost", ":65536", ":http", "::1:80"}, "write host:port or :port"},
			"wol-socket":      socket,
			"keys":            {[]string{"/", "/dev/zero"}, "name a file"},
			"ops-listen":      {[]string{"9091", "localhost", ":65536"}, "write host:port or :port"},
			"docs":            yesno,
			"trusted-proxies": {[]string{"proxy", "10.0.0.0/33", "10.0.0.0/8,::/0", "0.0.0.0/0", "0.0.0.0/1,128.0.0.0/1", "128.0.0.0/2, 0.0.0.0/1,192.168.0.0/16,192.0.0.0/3", "2000::/4,3000::/5,3800::/5", "fe80::1%eth0/64", "::ffff:10.0.0.1/128"}, ": "},
			"cors-origins":    {[]string{"*", "null", "panel.example.com", "https://*.example.com", "https://a.example/", "HTTPS://a.example", "ftp://a.example"}, "write exact origins"},
			"rate":            {[]string{"", "60", "60/", "/min", "0/s", "-1/s", "1/d", "1.5/s", "1000001/s"}, "write a rate"},
			"burst":           whole,
			"timeout":         {[]string{"", "0", "5", "49ms", "61s", "-5s"}, "write a time from 50ms to 1m0s"},
			"log-level":       level,
			"log-format":      format,
		},
	}
}

// TestEverySettingRefusesNonsense gives each setting of both programs a wrong value, as
// a flag and as a variable. The settings are those that --help lists, so a new one
// without a row here fails.
func TestEverySettingRefusesNonsense(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "none")
	// Files that do not exist and addresses where nobody listens, in case a value is taken.
	files := []string{"WOL_SOCKET=" + woltest.SocketPath(t), "API_KEYS_FILE=" + missing, "API_WOL_SOCKET=" + missing, "API_OPS_LISTEN=", "WOL_DESTINATIONS=127.255.255.255:40009"}
	table := wrongSettings()
	for name, p := range programs() {
		rows := maps.Clone(table[name])
		for _, s := range p.settings(t) {
			tt, known := rows[s.flag]
			if !known {
				t.Errorf("%s --%s has no row here", name, s.flag)
			}
			delete(rows, s.flag)
			for _, value := range tt.values {
				refused := func(environ []string, args ...string) {
					t.Helper()
					code, stdout, stderr := p.run(t, environ, args...)
					if code != 78 || stdout != "" {
						t.Errorf("%s --%s %q: exit code %d, want 78; it said %q", name, s.flag, value, code, stdout+stderr)
					}
					said, isOurs := strings.CutPrefix(stderr, name+": ")
					if _, cure, found := strings.Cut(said, ": "); !isOurs || strings.Count(stderr, "\n") != 1 || !found || len(cure) < 10 || !strings.Contains(stderr, tt.cure) {
						t.Errorf("%s --%s %q: not one plain line with a cure such as %q: %q", name, s.flag, value, tt.cure, stderr)
					}
					if !strings.Contains(stderr, "--"+s.flag) && (s.variable == "" || !strings.Contains(stderr, s.variable)) {
						t.Errorf("%q: %q names neither --%s nor %s", value, stderr, s.flag, s.variable)
					}
				}
				if s.variable == "" {
					refused(files, p.verb, "--"+s.flag+"="+value)
					continue
				}
				refused(files, "--"+s.flag+"="+value)
				refused(slices.Concat(files, []string{s.variable + "=" + value}))
			}
		}
		for flag := range rows {
			t.Errorf("%s --%s has a row here and is not in the help", name, flag)
		}
	}
	if code, _, stderr := programs()["wol-server"].run(t, nil, "--port", "0", "--repeat", "0", "--ipv6=x"); code != 78 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("three faults: exit code %d: %q", code, stderr)
	}
}
