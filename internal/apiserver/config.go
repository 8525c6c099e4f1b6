package apiserver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/keycmd"
	"wolgate/internal/logs"
	"wolgate/internal/program"
	"wolgate/internal/unixsock"
)

// Config is the gateway's configuration after it has been checked.
type Config struct {
	Listen         string
	WolSocket      string
	Keys           string        // path of the key file
	EnvKey         apikey.EnvKey // of API_KEY
	EnvKeyFile     string        // of API_KEY_FILE
	OpsListen      string        // empty = off
	Docs           bool
	TrustedProxies []netip.Prefix
	CORSOrigins    []string
	Rate           float64 // requests a second and key; 0 = no limit
	Burst          int
	Timeout        time.Duration
	Log            logs.Config
}

func settings(c *Config) *program.Settings {
	s := program.NewSettings("API_")
	s.Add("listen", ":8080", "address of the public listener", address(&c.Listen))
	s.Add("wol-socket", "/var/run/wol-server/wol-server.sock", "Unix socket of wol-server", func(text string) error {
		c.WolSocket = text
		return unixsock.CheckPath(text)
	})
	s.AddAs(keycmd.Flag, keycmd.Variable, keycmd.DefaultFile, "file of hashed keys, read again when it changes", keycmd.File(&c.Keys))
	s.Add("ops-listen", "127.0.0.1:9091", "address of /metrics and pprof; empty = off", func(text string) error {
		if text == "" {
			c.OpsListen = ""
			return nil
		}
		return address(&c.OpsListen)(text)
	})
	s.AddBool("docs", true, "serve Swagger UI at /swagger/", &c.Docs)
	s.Add("trusted-proxies", "", "CIDRs, with commas, whose X-Forwarded-For is believed; empty = none", proxies(&c.TrustedProxies))
	s.Add("cors-origins", "", "exact origins, with commas, whose pages may call; empty = none", origins(&c.CORSOrigins))
	s.Add("rate", "60/min", "requests a key may make, such as 5/s, 60/min or 1000/h; 0 = no limit", perSecond(&c.Rate))
	s.Add("burst", "20", "requests a key may make at once", program.Number(&c.Burst, 1, 1_000_000))
	s.Add("timeout", "5s", "deadline of one call to wol-server", program.Duration(&c.Timeout, 50*time.Millisecond, time.Minute))
	s.Knows("API_KEY", "API_KEY_FILE")
	s.AddLog(&c.Log)
	return s
}

// Load reads flags and environment. The error is a program.ConfigError or flag.ErrHelp.
func Load(args, environ []string) (c Config, warnings []string, err error) {
	warnings, err = settings(&c).Load(args, environ)
	if err != nil {
		return Config{}, nil, err
	}
	if err = c.envKey(program.Getenv(environ)); err != nil {
		return Config{}, nil, program.ConfigError{Err: err}
	}
	return c, warnings, nil
}

// envKey takes the one key that may come from the environment. A variable that is set but
// empty, as compose files leave behind, is no key.
func (c *Config) envKey(getenv func(string) string) (err error) {
	key := getenv("API_KEY")
	c.EnvKeyFile = getenv("API_KEY_FILE")
	switch {
	case key == "":
		return nil
	case c.EnvKeyFile != "":
		return errors.New("API_KEY and API_KEY_FILE are both set: omit one")
	}
	if c.EnvKey, err = apikey.ParseEnvKey(key); err != nil {
		return fmt.Errorf("API_KEY: %w", err)
	}
	return nil
}

func address(into *string) func(string) error {
	return func(text string) error {
		_, port, err := net.SplitHostPort(text)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return fmt.Errorf("is %q: write host:port or :port, such as 127.0.0.1:8080 or :8080", text)
		}
		*into = text
		return nil
	}
}

func origins(into *[]string) func(string) error {
	return func(text string) error {
		*into = nil
		for _, field := range list(text) {
			u, err := url.Parse(field)
			if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || field != strings.ToLower(u.Scheme+"://"+u.Host) || strings.Contains(field, "*") {
				return fmt.Errorf("holds %q: write exact origins as browsers send them, with commas, such as https://panel.example.com", field)
			}
			*into = append(*into, field)
		}
		return nil
	}
}

// perSecond takes a rate such as 60/min and gives it a second.
func perSecond(into *float64) func(string) error {
	return func(text string) error {
		if text == "0" {
			*into = 0
			return nil
		}
		count, unit, _ := strings.Cut(text, "/")
		n, err := strconv.Atoi(count)
		seconds := map[string]float64{"s": 1, "min": 60, "h": 3600}[unit]
		if err != nil || n <= 0 || n > 1_000_000 || seconds == 0 {
			return fmt.Errorf("is %q: write a rate such as 5/s, 60/min or 1000/h, or 0 for no limit", text)
		}
		*into = float64(n) / seconds
		return nil
	}
}

func list(text string) []string {
	var fields []string
	for field := range strings.SplitSeq(text, ",") {
		if field = strings.TrimSpace(field); field != "" {
			fields = append(fields, field)
		}
	}
	return fields
}
