package apiserver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"wolgate/internal/keycmd"
	"wolgate/internal/program"
	"wolgate/internal/unixsock"
	"wolgate/internal/wolhttp"
)

const help = `api-server is the public HTTP API in front of wol-server.

  api-server [serve] [flags]   serve until SIGTERM or SIGINT
  api-server keys ...          add, list, change and revoke keys: see api-server keys --help
  api-server healthcheck       exit 0 if the running gateway answers and reaches wol-server
  api-server version           print the version

A flag beats its environment variable. API_KEY, or API_KEY_FILE, holds one extra
key of at least 24 characters with every scope.

`

// Main runs the verb that args name and returns the exit code.
func Main(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	return program.Main("api-server", args, stderr, func(verb string, args []string, stderr io.Writer) error {
		return run(ctx, verb, args, environ, stdout, stderr)
	})
}

func run(ctx context.Context, verb string, args, environ []string, stdout, stderr io.Writer) error {
	switch verb {
	case "version":
		_, err := fmt.Fprintln(stdout, "api-server", program.Version())
		return err
	case "keys":
		if err := program.CheckQuotes(keycmd.Variable, program.Getenv(environ)(keycmd.Variable)); err != nil {
			return err
		}
		return keycmd.Run(args, environ, stdout, stderr)
	}
	c, warnings, err := Load(args, environ)
	if verb == "help" || errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, help)
		settings(&Config{}).Help(stdout)
		return nil
	}
	if err != nil {
		return err
	}
	switch verb {
	case "serve":
		log := c.Log.Default(stderr)
		for _, w := range warnings {
			log.Warn(w)
		}
		return Run(ctx, c, program.Getenv(environ), log)
	case "healthcheck":
		return healthcheck(ctx, c)
	default:
		return program.ConfigError{Err: fmt.Errorf("%q is no verb: --help lists them", verb)}
	}
}

// healthcheck asks the gateway that runs with this configuration whether it can wake.
func healthcheck(ctx context.Context, c Config) error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("the gateway does not answer: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	// The answer tells nothing of this host, because anybody may ask for it.
	if err := wolhttp.Probe(ctx, unixsock.Dialer(c.WolSocket)); err != nil {
		return fmt.Errorf("the gateway answers, but no wol-server on %s: %w", c.WolSocket, err)
	}
	return fmt.Errorf("the gateway answers with status %d", response.StatusCode)
}
