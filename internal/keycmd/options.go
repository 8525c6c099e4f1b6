package keycmd

import (
	"errors"
	"flag"
	"io"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

// Where the key file is named, and where it is by default.
const (
	Flag        = "keys"
	Variable    = "API_KEYS_FILE"
	DefaultFile = "/etc/api-server/keys.json"
)

// File takes the path of the key file, for the verb keys and for the program that serves.
// An empty one, as compose files leave behind, is the default.
func File(into *string) func(string) error {
	return func(text string) error {
		if *into = text; text == "" {
			*into = DefaultFile
		}
		return nil
	}
}

type options struct {
	file   string
	change apikey.Change // of the key, or what a new one is
}

// parse reads the flags of verb and returns what stands beside them.
func parse(verb string, args []string, getenv func(string) string) (o options, rest []string, err error) {
	file := File(&o.file)
	if err := file(getenv(Variable)); err != nil {
		return o, nil, err
	}
	flags := flag.NewFlagSet("keys", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func(Flag, "", file)
	if verb == "add" || verb == "edit" { // the other verbs would silently ignore these
		flags.Func("scope", "", func(text string) error {
			scope, err := apikey.ParseScope(text)
			o.change.Scopes = append(o.change.Scopes, scope)
			return err
		})
		flags.Func("target", "", func(text string) error {
			mac, err := wol.ParseMAC(text)
			o.change.Targets = append(o.change.Targets, mac)
			return err
		})
		flags.Func("expires", "", func(text string) error {
			span, err := apikey.ParseExpiry(text)
			o.change.Expires = time.Now().Add(span)
			return err
		})
	}
	if verb == "edit" {
		flags.StringVar(&o.change.Name, "name", "", "")
		flags.BoolVar(&o.change.EveryTarget, "no-targets", false, "")
		flags.BoolVar(&o.change.NoExpiry, "no-expiry", false, "")
	}
	err = flags.Parse(args)
	switch {
	case err != nil:
	case verb == "add" && o.change.Scopes == nil:
		o.change.Scopes = []wol.Action{wol.Wake}
	case o.change.Targets != nil && o.change.EveryTarget:
		err = errors.New("--target and --no-targets are both given: omit one")
	case !o.change.Expires.IsZero() && o.change.NoExpiry:
		err = errors.New("--expires and --no-expiry are both given: omit one")
	}
	return o, flags.Args(), err
}
