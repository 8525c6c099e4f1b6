package files_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/files"
)

// readText is what the tests follow: any text but "broken".
func readText(path string) (string, error) {
	text, err := os.ReadFile(path)
	if string(text) == "broken" {
		return "", errors.New("it is broken")
	}
	return string(text), err
}

// put replaces a file at once, so that no half of it is read.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// TestFollowed breaks and mends a file, and has it read again by SIGHUP as it is. It is
// not parallel, because the signal is the process's.
func TestFollowed(t *testing.T) {
	hangup := hangups(t)
	path := filepath.Join(t.TempDir(), "file")
	put(t, path, "one")
	f, err := files.Follow(path, readText)
	if err != nil || f.Current() != "one" {
		t.Fatalf("%q, %v", f.Current(), err)
	}
	said := make(chan string, 1000)
	stop := run(t, f, func(before, now string) { said <- before + " to " + now }, func(err error) { said <- err.Error() })
	next := func(want string) {
		t.Helper()
		select {
		case got := <-said:
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("nothing, want %q", want)
		}
	}
	put(t, path, "two!")
	next("one to two!")
	put(t, path, "broken")
	next("it is broken")
	for range 3 { // looked at again, and not told again
		hangup()
	}
	time.Sleep(time.Second)
	if f.Current() != "two!" {
		t.Errorf("%q is current beside a broken file", f.Current())
	}
	put(t, path, "three")
	next("two! to three")
	hangup()
	next("three to three")
	stop()
	if len(said) > 0 {
		t.Errorf("and %q", <-said)
	}
}

// TestNoFileIsReadAtSIGHUP: a program may do without a file that it would follow.
func TestNoFileIsReadAtSIGHUP(t *testing.T) {
	hangup := hangups(t)
	f, err := files.Follow(filepath.Join(t.TempDir(), "none"), readText)
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var said []string
	stop := run(t, f, func(string, string) { said = append(said, "read") }, func(err error) { said = append(said, err.Error()) })
	for range 100 {
		hangup()
	}
	stop()
	if diff := cmp.Diff([]string(nil), said); diff != "" {
		t.Error(diff)
	}
}

// hangups returns a function that sends SIGHUP and waits until it has come.
func hangups(t *testing.T) (hangup func()) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(heard) })
	return func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		<-heard
	}
}

// run follows a file until stop is called.
func run(t *testing.T, f *files.Followed[string], changed func(before, now string), failed func(error)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx, changed, failed)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// TestAMountedFileThatIsReplacedIsNamed replaces a file whose name goes on leading to the
// old one, as that of a mount does: neither time nor SIGHUP shows another, and that is
// never called a change.
func TestAMountedFileThatIsReplacedIsNamed(t *testing.T) {
	hangup := hangups(t)
	for name, replace := range map[string]func(dir string) error{
		"file":      func(dir string) error { return os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "file")) },
		"directory": os.RemoveAll,
	} {
		dir := filepath.Join(t.TempDir(), "dir")
		path := filepath.Join(dir, "file")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(path, []byte("one"), 0o600), os.WriteFile(filepath.Join(dir, "new"), []byte("two"), 0o600)); err != nil {
			t.Fatal(err)
		}
		mounted, below := path, ""
		if name == "directory" {
			mounted, below = dir, "/file"
		}
		open, err := os.Open(mounted)
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		inside := fmt.Sprintf("/proc/self/fd/%d%s", open.Fd(), below)
		f, err := files.Follow(inside, func(path string) (string, error) {
			text, err := files.Read(path, files.Secret)
			return string(text), err
		})
		if err != nil {
			t.Fatal(err)
		}
		said := make(chan string, 100)
		stop := run(t, f, func(before, now string) { said <- before + " to " + now }, func(err error) { said <- err.Error() })
		if err := replace(dir); err != nil {
			t.Fatal(err)
		}
		if got := <-said; !strings.Contains(got, inside+" was replaced on the host") {
			t.Errorf("%s: %q", name, got)
		}
		hangup()
		stop()
		if len(said) > 0 || f.Current() != "one" {
			t.Errorf("%s: and %q; %q is current", name, <-said, f.Current())
		}
	}
}
