package program

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"wolgate/internal/logs"
)

// Exit codes beyond 0 and 1, from sysexits.h.
const (
	exitOK      = 0
	exitFailure = 1
	exitConfig  = 78 // EX_CONFIG: starting again changes nothing
)

// ConfigError is a fault in the configuration or in a file that it names. It
// stops the start with exit code 78.
type ConfigError struct{ Err error }

// Error returns the fault and its cure in one line.
func (e ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns the fault.
func (e ConfigError) Unwrap() error { return e.Err }

// logPatience bounds how long the end waits for a log reader that is stuck.
const logPatience = time.Second

// Main runs the verb that args name and returns the exit code. What serve says goes
// through a Sink, down to the line that tells why it ended: a reader of the log that
// is stuck must not hold up a wake. The other verbs have somebody who waits for their
// words.
//
// SIGHUP does not end serve. Operators send it to a daemon to have its files read
// again, which is what files.Followed does with it; where no file is followed there is
// nothing to do.
func Main(name string, args []string, stderr io.Writer, run func(verb string, args []string, stderr io.Writer) error) int {
	verb, args := Verb(args)
	if verb == "serve" {
		// Not signal.Ignore: the last signal.Stop of somebody else would undo that.
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
		sink := logs.NewSink(stderr)
		defer sink.Close(logPatience)
		stderr = sink
	}
	return Exit(stderr, name, run(verb, args, stderr))
}

// Exit reports err in one plain line and returns the exit code it stands for.
func Exit(stderr io.Writer, name string, err error) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	if _, ok := errors.AsType[ConfigError](err); ok {
		return exitConfig
	}
	return exitFailure
}

// Verb splits the verb off a program's arguments; "serve" stands where none is
// given.
func Verb(args []string) (verb string, rest []string) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return "serve", args
	}
	return args[0], args[1:]
}
