package apikey_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

// TestMain lets the test binary stand in for another api-server process: with
// APIKEY_HELPER set it edits a key file instead of running tests.
func TestMain(m *testing.M) {
	if os.Getenv("APIKEY_HELPER") == "" {
		os.Exit(m.Run())
	}
	if err := help(os.Getenv("APIKEY_HELPER"), os.Getenv("APIKEY_PATH"), os.Getenv("APIKEY_NAME")); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func help(verb, path, name string) error {
	switch verb {
	case "add":
		_, err := apikey.Add(path, name, []wol.Action{wol.Wake}, nil, time.Time{}, time.Now())
		return err
	case "add until killed":
		for i := 0; ; i++ {
			next := name + strconv.Itoa(i)
			if err := help("add", path, next); err != nil {
				return err
			}
			fmt.Println(next)
		}
	case "add on a full disk":
		// A write past the limit fails with EFBIG, half done, as on a full disk.
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
			return err
		}
		return help("add", path, name)
	case "revoke":
		return apikey.Revoke(path, name)
	default:
		return fmt.Errorf("unknown verb %s", verb)
	}
}

func helper(t *testing.T, verb, path, name string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "APIKEY_HELPER="+verb, "APIKEY_PATH="+path, "APIKEY_NAME="+name)
	return cmd
}

// killedAfter lets a helper add keys until it has told of n of them, kills it
// in whatever it is doing, and returns the names it told of.
func killedAfter(t *testing.T, n int, path, name string) []string {
	t.Helper()
	cmd := helper(t, "add until killed", path, name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var told []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if told = append(told, lines.Text()); len(told) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(told) < n {
		t.Fatalf("helper ended by itself, having told of %q", told)
	}
	return told
}
