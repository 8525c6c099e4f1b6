package program

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"wolgate/internal/logs"
)

// Settings are a program's flags. Each may also be given as an environment
// variable; the flag wins.
type Settings struct {
	prefix string
	list   []*setting
	known  []string // variables that are read elsewhere
}

type setting struct {
	flag, variable, value, usage string // variable is empty where there is none
	from                         string // the flag or variable that the value came from
	boolean                      bool
	parse                        func(string) error
}

// NewSettings returns an empty set whose variables start with prefix.
func NewSettings(prefix string) *Settings { return &Settings{prefix: prefix} }

// Add declares a flag with its default and the function that takes its value.
// The variable is prefix and the flag's name, such as WOL_MAX_PPS for max-pps.
// The error of parse says what is wrong with the value and what to write.
func (s *Settings) Add(name, value, usage string, parse func(string) error) {
	variable := s.prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	s.list = append(s.list, &setting{flag: name, variable: variable, value: value, usage: usage, parse: parse})
}

// AddAs is Add for a flag whose variable has a name of its own.
func (s *Settings) AddAs(name, variable, value, usage string, parse func(string) error) {
	s.list = append(s.list, &setting{flag: name, variable: variable, value: value, usage: usage, parse: parse})
}

// AddSwitch declares a flag that has no variable and is off unless it is given.
func (s *Settings) AddSwitch(name, usage string, into *bool) {
	s.list = append(s.list, &setting{flag: name, value: "false", usage: usage, parse: boolean(into), boolean: true})
}

// AddBool declares a flag that may stand without a value.
func (s *Settings) AddBool(name string, value bool, usage string, into *bool) {
	s.Add(name, strconv.FormatBool(value), usage, boolean(into))
	s.list[len(s.list)-1].boolean = true
}

// AddLog declares the two settings of the log.
func (s *Settings) AddLog(c *logs.Config) {
	s.Add("log-level", "info", "debug, info, warn or error", Choice(&c.Level, "debug", "info", "warn", "error"))
	s.Add("log-format", "json", "json, text, or journal, which is json for systemd's journal", Choice(&c.Format, "json", "text", "journal"))
}

func boolean(into *bool) func(string) error {
	return func(text string) (err error) {
		if *into, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("is %q: write true or false", text)
		}
		return nil
	}
}

// Knows declares variables that are read elsewhere, so that Load does not warn of them.
func (s *Settings) Knows(variables ...string) { s.known = append(s.known, variables...) }

// Load takes the values from arguments and environment. It returns a warning for each
// variable with the prefix that is not a setting or holds a service link; container
// platforms inject such. The error is a ConfigError, or flag.ErrHelp.
func (s *Settings) Load(args, environ []string) (warnings []string, err error) {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, s.prefix) {
			continue
		}
		if slices.Contains(s.known, name) {
			if err := CheckQuotes(name, value); err != nil {
				return nil, err
			}
			continue
		}
		i := slices.IndexFunc(s.list, func(one *setting) bool { return one.variable == name })
		if i < 0 {
			warnings = append(warnings, name+" is no setting of this program and was ignored: see --help for those that are")
			continue
		}
		if serviceLink(name, value) {
			warnings = append(warnings, name+" holds the address of a container or service and was ignored: set enableServiceLinks: false (Kubernetes), or give that service another name")
			continue
		}
		s.list[i].value, s.list[i].from = value, name
	}
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	for _, one := range s.list {
		flags.Var(argument{one}, one.flag, one.usage)
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil, err
	} else if err != nil {
		return nil, ConfigError{fmt.Errorf("%w: --help lists the flags", err)}
	}
	if flags.NArg() > 0 {
		return nil, ConfigError{fmt.Errorf("argument %q is not understood: --help lists verbs and flags", flags.Arg(0))}
	}
	for _, one := range s.list {
		if err := CheckQuotes(one.origin(), one.value); err != nil {
			return nil, err
		}
		if err := one.parse(one.value); err != nil {
			return nil, ConfigError{fmt.Errorf("%s %w", one.origin(), err)}
		}
	}
	return warnings, nil
}

// serviceLink reports whether a variable is one that Kubernetes and Docker set for another
// container named like our prefix: NAME_PORT=tcp://10.43.0.9:9. Of the names that they make
// up, only this one can be a setting's, and a port is never a URL.
func serviceLink(name, value string) bool {
	return strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// CheckQuotes returns a ConfigError for a value that is in quotes which a shell would have
// removed. No value of a setting has any: in the name of an interface or in a key they
// would match nothing.
func CheckQuotes(name, value string) error {
	n := len(value)
	if n < 2 || value[0] != value[n-1] || value[0] != '"' && value[0] != '\'' {
		return nil
	}
	return ConfigError{fmt.Errorf("%s is in quotes, which are part of the value as it arrives: omit the quotes (docker run --env-file and items of a YAML list keep them)", name)}
}

// Help writes a line for each setting.
func (s *Settings) Help(w io.Writer) {
	for _, one := range s.list {
		fmt.Fprintf(w, "  --%-20s %s\n", one.flag, one.usage)
		if one.variable == "" {
			continue
		}
		value := one.value
		if value == "" {
			value = "empty"
		}
		fmt.Fprintf(w, "    %-20s default %s\n", one.variable, value)
	}
}

// argument lets package flag write into a setting.
type argument struct{ *setting }

func (a argument) Set(text string) error {
	a.value, a.from = text, "--"+a.flag
	return nil
}

func (a argument) String() string {
	if a.setting == nil {
		return ""
	}
	return a.value
}

func (a argument) IsBoolFlag() bool { return a.boolean }

func (one *setting) origin() string {
	if one.from == "" {
		return "--" + one.flag
	}
	return one.from
}

// Getenv looks variables up in environ, as os.Getenv does in the process's own.
// A variable that is set twice has its last value.
func Getenv(environ []string) func(name string) string {
	return func(name string) string {
		for _, entry := range slices.Backward(environ) {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// Text takes any value.
func Text(into *string) func(string) error {
	return func(text string) error {
		*into = text
		return nil
	}
}

// Number takes a whole number from low to high.
func Number(into *int, low, high int) func(string) error {
	return func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return fmt.Errorf("is %q: write a whole number from %d to %d", text, low, high)
		}
		*into = n
		return nil
	}
}

// Duration takes a span such as 300ms or 5s, from low to high.
func Duration(into *time.Duration, low, high time.Duration) func(string) error {
	return func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < low || d > high {
			return fmt.Errorf("is %q: write a time from %v to %v, such as 300ms or 5s", text, low, high)
		}
		*into = d
		return nil
	}
}

// Choice takes one of the words.
func Choice(into *string, words ...string) func(string) error {
	return func(text string) error {
		if !slices.Contains(words, text) {
			return fmt.Errorf("is %q: write one of %s", text, strings.Join(words, ", "))
		}
		*into = text
		return nil
	}
}
