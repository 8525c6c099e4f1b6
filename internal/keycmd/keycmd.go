package keycmd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/program"
	"wolgate/internal/wol"
)

// Where the key file is named, and where it is by default.
const (
	Flag        = "keys"
	Variable    = "API_KEYS_FILE"
	DefaultFile = "/etc/api-server/keys.json"
)

const help = `api-server keys manages the file of hashed keys; a running api-server follows it.

  api-server keys add NAME [--scope wake]... [--target MAC]... [--expires 90d]
        makes a key and prints it, this once
  api-server keys list
  api-server keys revoke NAME

  --scope    wake (the default) or admin; may be given twice
  --target   a MAC that the key may wake, any number of times; none = every target
  --expires  30m, 12h, 90d or 2w; none = never
  --keys     the key file (API_KEYS_FILE), default ` + DefaultFile + `

`

// Run runs the verb that args begin with. A program.ConfigError is a fault of the caller or
// of the file.
func Run(args, environ []string, stdout, stderr io.Writer) error {
	var verb, name string
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, args = args[0], args[1:]
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	o, rest, err := parse(verb, args, program.Getenv(environ))
	if errors.Is(err, flag.ErrHelp) || verb == "" && err == nil {
		fmt.Fprint(stdout, help)
		return nil
	}
	if err != nil {
		return program.ConfigError{Err: fmt.Errorf("keys %s: %w: see api-server keys --help", verb, err)}
	}
	if name == "" && len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	if verb == "list" && name != "" {
		rest = []string{name}
	}
	if len(rest) > 0 {
		return program.ConfigError{Err: fmt.Errorf("keys %s: argument %q is not understood: see api-server keys --help", verb, rest[0])}
	}
	switch verb {
	case "add":
		return add(name, o, stdout, stderr)
	case "list":
		return list(o.file, stdout)
	case "revoke":
		if err := apikey.Revoke(o.file, name); err != nil {
			return program.ConfigError{Err: err}
		}
		fmt.Fprintf(stderr, "Key %s is revoked. A running api-server follows within a second.\n", name)
		return nil
	default:
		return program.ConfigError{Err: fmt.Errorf("keys %s: no such verb: see api-server keys --help", verb)}
	}
}

type options struct {
	file    string
	scopes  []wol.Action
	targets []wol.MAC
	expires time.Time
}

// parse reads the flags of verb and returns what stands beside them.
func parse(verb string, args []string, getenv func(string) string) (o options, rest []string, err error) {
	if o.file = getenv(Variable); o.file == "" {
		o.file = DefaultFile
	}
	flags := flag.NewFlagSet("keys", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.file, Flag, o.file, "")
	if verb != "add" { // the other verbs would silently ignore these
		err = flags.Parse(args)
		return o, flags.Args(), err
	}
	flags.Func("scope", "", func(text string) error {
		scope, err := apikey.ParseScope(text)
		o.scopes = append(o.scopes, scope)
		return err
	})
	flags.Func("target", "", func(text string) error {
		mac, err := wol.ParseMAC(text)
		o.targets = append(o.targets, mac)
		return err
	})
	flags.Func("expires", "", func(text string) error {
		span, err := apikey.ParseExpiry(text)
		o.expires = time.Now().Add(span)
		return err
	})
	err = flags.Parse(args)
	if len(o.scopes) == 0 {
		o.scopes = []wol.Action{wol.Wake}
	}
	return o, flags.Args(), err
}

func add(name string, o options, stdout, stderr io.Writer) error {
	key, err := apikey.Add(o.file, name, o.scopes, o.targets, o.expires, time.Now())
	if err != nil {
		return program.ConfigError{Err: err}
	}
	fmt.Fprintf(stderr, "Key %s is in %s. It is shown this once; keep it where it will be used:\n", name, o.file)
	if _, err = fmt.Fprintln(stdout, key.Reveal()); err != nil {
		// A key that was never seen is of use only to a thief.
		return errors.Join(fmt.Errorf("the key could not be shown, and was taken back: %w", err), apikey.Revoke(o.file, name))
	}
	return nil
}

func list(file string, stdout io.Writer) error {
	f, err := apikey.Load(file)
	if err != nil {
		return program.ConfigError{Err: err}
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tID\tSCOPES\tTARGETS\tCREATED\tEXPIRES")
	for _, e := range f.Entries() {
		expires := "never"
		if !e.Expires.IsZero() {
			expires = e.Expires.Format(time.RFC3339)
		}
		if e.Expired(time.Now()) {
			expires += " (expired)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.ID, join(e.Scopes), join(e.Targets), e.Created.Format(time.RFC3339), expires)
	}
	return table.Flush()
}

// join writes a list with commas, or "any" where it is empty.
func join[T any](values []T) string {
	if len(values) == 0 {
		return "any"
	}
	texts := make([]string, len(values))
	for i, one := range values {
		texts[i] = fmt.Sprint(one)
	}
	return strings.Join(texts, ",")
}
