package wolserver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"wolgate/internal/broadcast"
	"wolgate/internal/program"
	"wolgate/internal/unixsock"
	"wolgate/internal/wolhttp"
)

const help = `wol-server sends Wake-on-LAN magic packets for those who may open its Unix socket.

  wol-server [serve] [flags]   serve until SIGTERM or SIGINT
  wol-server doctor [--json]   say why a packet would not arrive; sends a probe by each interface;
                               exit 0 if at least one LAN hears this host (only root can see that)
  wol-server healthcheck       exit 0 if the daemon answers on its socket
  wol-server version           print the version

A flag beats its environment variable.

`

// Main runs the verb that args name and returns the exit code.
func Main(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	return program.Main("wol-server", args, stderr, func(verb string, args []string, stderr io.Writer) error {
		return run(ctx, verb, args, environ, stdout, stderr)
	})
}

func run(ctx context.Context, verb string, args, environ []string, stdout, stderr io.Writer) error {
	if verb == "version" {
		_, err := fmt.Fprintln(stdout, "wol-server", program.Version())
		return err
	}
	var asJSON bool
	add := func(s *program.Settings) {
		if verb == "doctor" {
			s.AddSwitch("json", "print JSON", &asJSON)
		}
	}
	c, warnings, err := load(args, environ, add)
	if verb == "help" || errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, help)
		s := settings(&Config{}, new(string))
		add(s)
		s.Help(stdout)
		return nil
	}
	if err != nil {
		return err
	}
	switch verb {
	case "serve":
		log := c.Log.Default(stderr)
		for _, w := range append(warnings, broadcast.Unknown(c.Broadcast)...) {
			log.Warn(w)
		}
		return Run(ctx, c, program.Getenv(environ), log)
	case "doctor":
		for _, w := range append(warnings, broadcast.Unknown(c.Broadcast)...) {
			fmt.Fprintln(stderr, "wol-server:", w)
		}
		return examine(ctx, c, program.Getenv(environ), stdout, asJSON)
	case "healthcheck":
		if err := wolhttp.Probe(ctx, unixsock.Dialer(c.Socket)); err != nil {
			return fmt.Errorf("no wol-server answers on %s: %w", c.Socket, err)
		}
		return nil
	default:
		return program.ConfigError{Err: fmt.Errorf("%q is no verb: --help lists them", verb)}
	}
}
