package apiserver

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

const keysHelp = `api-server keys manages the file of hashed keys; a running api-server follows it.

  api-server keys add NAME [--scope wake]... [--target MAC]... [--expires 90d]
        makes a key and prints it, this once
  api-server keys list
  api-server keys revoke NAME

  --scope    wake (the default) or admin; may be given twice
  --target   a MAC that the key may wake, any number of times; none = every target
  --expires  30m, 12h, 90d or 2w; none = never
  --keys     the key file (API_KEYS_FILE), default ` + keysDefault + `

`

// keysVerb runs "keys add", "keys list" and "keys revoke".
func keysVerb(args, environ []string, stdout, stderr io.Writer) error {
	var verb, name string
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, args = args[0], args[1:]
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	o, rest, err := keyOptions(verb, args, program.Getenv(environ))
	if errors.Is(err, flag.ErrHelp) || verb == "" && err == nil {
		fmt.Fprint(stdout, keysHelp)
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
		return keysAdd(name, o, stdout, stderr)
	case "list":
		return keysList(o.file, stdout)
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

type keyFlags struct {
	file    string
	scopes  []apikey.Scope
	targets []wol.MAC
	expires time.Time
}

func keyOptions(verb string, args []string, getenv func(string) string) (o keyFlags, rest []string, err error) {
	if o.file = getenv(keysVariable); o.file == "" {
		o.file = keysDefault
	}
	flags := flag.NewFlagSet("keys", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.file, keysFlag, o.file, "")
	if verb != "add" { // the others would silently do without what these say
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
		o.scopes = []apikey.Scope{apikey.Wake}
	}
	return o, flags.Args(), err
}

func keysAdd(name string, o keyFlags, stdout, stderr io.Writer) error {
	key, err := apikey.Add(o.file, name, o.scopes, o.targets, o.expires, time.Now())
	if err != nil {
		return program.ConfigError{Err: err}
	}
	fmt.Fprintf(stderr, "Key %s is in %s. It is shown this once; keep it where it will be used:\n", name, o.file)
	if _, err = fmt.Fprintln(stdout, key.Reveal()); err != nil {
		// A key that nobody has seen is of no use but to its thief.
		return errors.Join(fmt.Errorf("the key could not be shown, and was taken back: %w", err), apikey.Revoke(o.file, name))
	}
	return nil
}

func keysList(file string, stdout io.Writer) error {
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
func join[T any](list []T) string {
	if len(list) == 0 {
		return "any"
	}
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = fmt.Sprint(one)
	}
	return strings.Join(texts, ",")
}
