package netlimit_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/leak"
	"wolgate/internal/netlimit"
)

const roleVariable = "NETLIMIT_TEST_ROLE"

// TestMain lets the test binary also be a server with few descriptors, which
// the process of the tests must not be.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		fmt.Println("ended:", serveShort(role))
		return
	}
	leak.Main(m)
}

// serveShort serves with 40 descriptors until Accept returns an error, which is
// what ends fasthttp.
func serveShort(role string) error {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 40, Max: 40}); err != nil {
		return err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if role == "wrapped" {
		log := slog.New(slog.NewTextHandler(os.Stdout, nil))
		l = netlimit.Wrap(l, netlimit.Limits{Total: 1000}, log)
	}
	fmt.Println(l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go echo(c)
	}
}

// startShort starts serveShort in a process of its own, which ends with the test,
// and returns its address and what it says from then on.
func startShort(t *testing.T, role string) (string, *bufio.Scanner) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // the latest end of a test that waits for a word
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the child process said nothing")
	}
	return lines.Text(), lines
}

// hear waits until the child says text.
func hear(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
		if strings.HasPrefix(lines.Text(), "ended:") {
			t.Fatal(lines.Text())
		}
	}
	t.Fatalf("the child process never said %q", text)
}

// TestDescriptorsRunOut lets 60 clients sit on the connections of a server that
// may have 40 descriptors, and go.
func TestDescriptorsRunOut(t *testing.T) {
	t.Parallel()
	// The kernel answers them, whatever the server does, as long as it lives.
	crowd := func(t *testing.T, addr string) (come int, leave func()) {
		var conns []net.Conn
		for range 60 {
			if c, err := try(t, "tcp4", "", addr); err == nil {
				conns = append(conns, c)
			}
		}
		return len(conns), func() {
			for _, c := range conns {
				_ = c.Close()
			}
		}
	}
	t.Run("wrapped", func(t *testing.T) {
		t.Parallel()
		addr, lines := startShort(t, "wrapped")
		for range 2 { // it survives again and again
			come, leave := crowd(t, addr)
			if come != 60 {
				t.Errorf("only %d came in", come)
			}
			hear(t, lines, "too many open files")
			leave()
			released := time.Now()
			c := dial(t, "tcp4", "", addr)
			if err := speak(c); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(released); took > 2*time.Second {
				t.Errorf("served %s after the release", took)
			}
			hear(t, lines, "connections are accepted again")
		}
	})
	t.Run("unwrapped", func(t *testing.T) { // or the test above would show nothing
		t.Parallel()
		addr, lines := startShort(t, "unwrapped")
		_, leave := crowd(t, addr)
		defer leave()
		ended := lines.Scan() && strings.HasPrefix(lines.Text(), "ended:") && strings.Contains(lines.Text(), "too many open files")
		if !ended {
			t.Errorf("a plain listener survives as well: %s", lines.Text())
		}
	})
}

// echo returns what it is sent, until that ends.
func echo(c net.Conn) {
	_, _ = io.Copy(c, c)
	_ = c.Close()
}

// try connects from an address of this machine, or from whichever it takes.
func try(t *testing.T, network, from, to string) (net.Conn, error) {
	t.Helper()
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := dialer.DialContext(t.Context(), network, to)
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

func dial(t *testing.T, network, from, to string) net.Conn {
	t.Helper()
	c, err := try(t, network, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// speak asks an echo for one byte.
func speak(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte{'x'}); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}
