package program_test

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/program"
)

// TestFollowReadsAtSIGHUP sends the signal with a file that has not changed, with one
// that cannot be used, and with none. It is not parallel: the signal is the process's.
func TestFollowReadsAtSIGHUP(t *testing.T) {
	survive := make(chan os.Signal, 1) // one that comes before Run listens
	signal.Notify(survive, syscall.SIGHUP)
	defer signal.Stop(survive)

	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	reloads, failures := make(chan error), make(chan error, 100)
	f := program.Follow(path)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	results := make(chan error, 1) // what the next reload comes to
	go func() {
		defer close(ended)
		f.Run(ctx, func() error {
			select {
			case err := <-results:
				select {
				case reloads <- err:
				case <-ctx.Done():
				}
				return err
			case <-ctx.Done():
				return nil
			}
		}, func(err error) { failures <- err })
	}()
	hangup := func(result error) {
		t.Helper()
		results <- result
		deadline := time.After(10 * time.Second)
		for {
			if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			select {
			case <-reloads:
				return
			case <-time.After(10 * time.Millisecond):
			case <-deadline:
				t.Fatal("the file is not read")
			}
		}
	}
	hangup(nil)
	broken := errors.New("broken")
	for range 3 {
		hangup(broken)
	}
	hangup(nil)
	stop()
	<-ended
	close(failures)
	var told []error
	for err := range failures {
		told = append(told, err)
	}
	if len(told) != 1 || !errors.Is(told[0], broken) {
		t.Errorf("failures %v, want the one", told)
	}
}

// TestNoFileIsReadAtSIGHUP: a program may do without a file that it would follow.
func TestNoFileIsReadAtSIGHUP(t *testing.T) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	f := program.Follow(filepath.Join(t.TempDir(), "none"))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx, func() error { t.Error("a file that is not there is read"); return nil }, func(error) {})
	}()
	for range 100 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		<-heard
	}
	stop()
	<-ended
}
