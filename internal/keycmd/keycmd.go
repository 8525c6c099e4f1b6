package keycmd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/program"
)

const help = `api-server keys manages the file of hashed keys; a running api-server follows it.

  api-server keys add NAME [--scope wake]... [--target MAC]... [--expires 90d]
        makes a key and prints it, this once
  api-server keys list
  api-server keys edit NAME [--scope ...]... [--target MAC]... [--expires ...] [--name NEW]
        changes what is named, and not the key itself
  api-server keys revoke NAME

  --scope      wake (the default) or admin; may be given twice
  --target     a MAC that the key may wake, any number of times; none = every target
  --expires    30m, 12h, 90d or 2w from now; none = never
  --name       edit: another name
  --no-targets edit: every target
  --no-expiry  edit: never
  --keys       the key file (API_KEYS_FILE), default ` + DefaultFile + `

NAME is 1 to 64 letters and digits of any script, with . _ - and single spaces between
them; a shell needs quotes around spaces. edit replaces all scopes, or all targets.

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
		f, err := apikey.Load(o.file)
		if err != nil {
			return wrong(o.file, err)
		}
		return table(f.Entries(), time.Now(), stdout)
	case "edit":
		e, err := apikey.Edit(o.file, name, o.change, time.Now())
		if err != nil {
			return wrong(o.file, err)
		}
		fmt.Fprintf(stderr, "Key %s is changed. A running api-server follows within a second.\n", name)
		return table([]apikey.Entry{e}, time.Now(), stdout)
	case "revoke":
		if err := apikey.Revoke(o.file, name); err != nil {
			return wrong(o.file, err)
		}
		fmt.Fprintf(stderr, "Key %s is revoked. A running api-server follows within a second.\n", name)
		return nil
	default:
		return program.ConfigError{Err: fmt.Errorf("keys %s: no such verb: see api-server keys --help", verb)}
	}
}

func add(name string, o options, stdout, stderr io.Writer) error {
	key, err := apikey.Add(o.file, name, o.change.Scopes, o.change.Targets, o.change.Expires, time.Now())
	if err != nil {
		return program.ConfigError{Err: err}
	}
	fmt.Fprintf(stderr, "Key %s is in %s. It is shown this once; keep it where it will be used:\n", name, o.file)
	if _, err = fmt.Fprintln(stdout, key.Reveal()); err != nil {
		// A key that was never seen is of use only to a thief.
		err = fmt.Errorf("the key could not be shown: %w", err)
		if revoked := apikey.Revoke(o.file, name); revoked != nil {
			return fmt.Errorf("%w; %w", err, revoked)
		}
		return fmt.Errorf("%w, and was taken back", err)
	}
	return nil
}

// wrong is an error of a verb that needs a key file. Without one, the running api-server
// may use another than this command was told of.
func wrong(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no key file %s: name the one that api-server uses with --%s or %s, or make a first key: %s",
			file, Flag, Variable, apikey.Command(file, "add", "NAME"))
	}
	return program.ConfigError{Err: err}
}
