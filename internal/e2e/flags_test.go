package e2e

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wolgate/internal/woltest"
)

// wrong is values that a setting must refuse, and words of the cure.
type wrong struct {
	values []string
	cure   string
}

// TestEverySettingRefusesNonsense gives each setting of both real programs a wrong
// value, as a flag and as a variable. The settings are those that --help lists, so a
// new one without a row here fails.
func TestEverySettingRefusesNonsense(t *testing.T) {
	t.Parallel()
	bin := woltest.Build(t)
	whole := wrong{[]string{"", "0", "-1", "1.5", "1e3", "many", "99999999999999999999"}, "write a whole number from 1 to "}
	yesno := wrong{[]string{"maybe", "", "2"}, "write true or false"}
	level := wrong{[]string{"", "loud", "INFO", "info\ninfo"}, "write one of debug, info, warn, error"}
	format := wrong{[]string{"", "xml", "json,text"}, "write one of json, text"}
	socket := wrong{[]string{"", "@wol", "/tmp/", "/" + strings.Repeat("x", 107)}, "choose "}
	names := wrong{[]string{"eth0,,eth1", ",", "eth[0"}, "write "}
	missing := filepath.Join(t.TempDir(), "none")
	for program, settings := range map[string]map[string]wrong{
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
			"allow":              {[]string{missing, "/", "/dev/zero"}, "name a file with one MAC a line"},
			"max-pps":            whole,
			"allow-uids":         {[]string{"root", "-1", "4294967296", "4294967295", "0,,1", "65534", "0x0"}, ": "},
			"log-level":          level,
			"log-format":         format,
			"json":               yesno,
		},
		"api-server": {
			"listen":          {[]string{"", "8080", "localhost", ":65536", ":http", "::1:80"}, "write host:port or :port"},
			"wol-socket":      socket,
			"keys":            {[]string{missing}, "keys add"},
			"ops-listen":      {[]string{"9091", "localhost", ":65536"}, "write host:port or :port"},
			"docs":            yesno,
			"trusted-proxies": {[]string{"proxy", "10.0.0.0/33", "10.0.0.0/8,::/0", "0.0.0.0/0", "fe80::1%eth0/64", "::ffff:10.0.0.1/128"}, ": "},
			"cors-origins":    {[]string{"*", "null", "panel.example.com", "https://*.example.com", "https://a.example/", "HTTPS://a.example", "ftp://a.example"}, "write exact origins"},
			"rate":            {[]string{"", "60", "60/", "/min", "0/s", "-1/s", "1/d", "1.5/s", "1000001/s"}, "write a rate"},
			"burst":           whole,
			"timeout":         {[]string{"", "0", "5", "49ms", "61s", "-5s"}, "write a time from 50ms to 1m0s"},
			"log-level":       level,
			"log-format":      format,
		},
	} {
		binary, verb := filepath.Join(bin, program), "serve"
		if program == "wol-server" {
			verb = "doctor" // has the flags of serve, and one more
		}
		variables := settingsOf(t, binary, verb)
		for name := range variables {
			if _, known := settings[name]; !known {
				t.Errorf("%s --%s has no row here", program, name)
			}
		}
		for name, tt := range settings {
			variable, known := variables[name]
			if !known {
				t.Errorf("%s --%s has a row here and is not in the help", program, name)
				continue
			}
			t.Run(program+" --"+name, func(t *testing.T) {
				t.Parallel()
				for _, value := range tt.values {
					refused := func(environ []string, args ...string) {
						t.Helper()
						code, stdout, stderr := run(t, environ, binary, args...)
						if code != 78 || stdout != "" {
							t.Errorf("%q: exit code %d, want 78; it said %q", value, code, stdout+stderr)
						}
						if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, program+": ") || strings.Contains(stderr, "goroutine ") {
							t.Errorf("%q: not one plain line: %q", value, stderr)
						}
						if !strings.Contains(stderr, "--"+name) && (variable == "" || !strings.Contains(stderr, variable)) {
							t.Errorf("%q: %q names neither --%s nor %s", value, stderr, name, variable)
						}
						if _, cure, found := strings.Cut(strings.TrimPrefix(stderr, program+": "), ": "); !found || len(cure) < 10 || !strings.Contains(stderr, tt.cure) {
							t.Errorf("%q: %q does not say what to do, such as %q", value, stderr, tt.cure)
						}
					}
					// What nobody has, and where nobody listens, in case that a value is taken.
					files := []string{"WOL_SOCKET=" + woltest.SocketPath(t), "API_KEYS_FILE=" + missing, "API_WOL_SOCKET=" + missing, "API_OPS_LISTEN=", "WOL_DESTINATIONS=127.255.255.255:40009"}
					// The verb alone has --json; what the others refuse, serve does.
					if variable == "" {
						refused(files, verb, "--"+name+"="+value)
						continue
					}
					refused(files, "--"+name+"="+value)
					refused(slices.Concat(files, []string{variable + "=" + value}))
				}
			})
		}
	}
	t.Run("one at a time", func(t *testing.T) {
		t.Parallel()
		code, _, stderr := run(t, nil, filepath.Join(bin, "wol-server"), "--port", "0", "--repeat", "0", "--ipv6=x")
		if code != 78 || strings.Count(stderr, "\n") != 1 {
			t.Errorf("exit code %d: %q", code, stderr)
		}
	})
}

// settingsOf returns what --help lists: flags, and their variables if they have any.
func settingsOf(t *testing.T, binary, verb string) map[string]string {
	t.Helper()
	code, help, stderr := run(t, nil, binary, verb, "--help")
	list := map[string]string{}
	for _, found := range regexp.MustCompile(`(?m)^  --(\S+) .*\n(?:    ([A-Z0-9_]+) )?`).FindAllStringSubmatch(help, -1) {
		list[found[1]] = found[2]
	}
	if code != 0 || stderr != "" || len(list) < 10 {
		t.Fatalf("exit code %d, settings %q: %s%s", code, slices.Sorted(maps.Keys(list)), help, stderr)
	}
	return list
}
