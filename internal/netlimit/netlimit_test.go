package netlimit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func listen(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// serve has an echo behind a wrapped listener until the test ends.
func serve(t *testing.T, l net.Listener, limits Limits) string {
	t.Helper()
	w := Wrap(l, limits, discard())
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := w.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				return
			}
			wait.Go(func() { _, _ = io.Copy(c, c); _ = c.Close() })
		}
	})
	t.Cleanup(wait.Wait) // after the clients, which are closed first
	t.Cleanup(func() { _ = w.Close() })
	return l.Addr().String()
}

// ask connects from an address of this machine and has one byte echoed.
func ask(t *testing.T, network, from, to string) (net.Conn, error) {
	t.Helper()
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := dialer.DialContext(t.Context(), network, to)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, echoed(c)
}

func echoed(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte{'x'}); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

// refused connects and is closed at once; already connect may see the reset.
func refused(t *testing.T, network, from, to string) {
	t.Helper()
	_, err := ask(t, network, from, to)
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.EOF) {
		t.Errorf("from %s: not refused: %v", from, err)
	}
}

// served tries until it is served: the server may not yet have seen another one's end.
func served(t *testing.T, network, from, to string) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := ask(t, network, from, to)
		if err == nil {
			return c
		}
		if time.Now().After(deadline) {
			t.Fatalf("from %s: %v", from, err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	addr := serve(t, listen(t, "tcp4", "127.0.0.1:0"), Limits{Total: 8, PerSource: 3})
	var open []net.Conn
	for _, step := range []struct {
		from           string
		served, beyond int
	}{
		{"127.0.0.2", 3, 5}, // over the limit of one source, which leaves the others theirs
		{"127.0.0.3", 3, 2},
		{"127.0.0.4", 2, 2}, // over the total
		{"127.0.0.5", 0, 2},
		{"127.0.0.2", 0, 1},
	} {
		for range step.served {
			c, err := ask(t, "tcp", step.from, addr)
			if err != nil {
				t.Fatalf("from %s: %v", step.from, err)
			}
			open = append(open, c)
		}
		for range step.beyond {
			refused(t, "tcp", step.from, addr)
		}
	}
	for _, c := range open {
		if err := echoed(c); err != nil {
			t.Errorf("from %s: a refusal disturbed it: %v", c.LocalAddr(), err)
		}
	}
	_ = open[0].Close() // of 127.0.0.2, whose place anyone may have
	served(t, "tcp", "127.0.0.5", addr)
	refused(t, "tcp", "127.0.0.2", addr)
	_ = open[3].Close()
	served(t, "tcp", "127.0.0.2", addr)
	refused(t, "tcp", "127.0.0.2", addr)
}

// TestAProxyStandsForMany, and no other peer does because of it.
func TestAProxyStandsForMany(t *testing.T) {
	t.Parallel()
	addr := serve(t, listen(t, "tcp4", "127.0.0.1:0"), Limits{Total: 6, PerSource: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}})
	served(t, "tcp", "127.0.0.3", addr)
	refused(t, "tcp", "127.0.0.3", addr)
	for range 5 {
		served(t, "tcp", "127.0.0.2", addr)
	}
	refused(t, "tcp", "127.0.0.2", addr)
}

func TestUnixPeersHaveNoSource(t *testing.T) {
	t.Parallel()
	addr := serve(t, listen(t, "unix", filepath.Join(t.TempDir(), "s")), Limits{Total: 4, PerSource: 1})
	for range 4 {
		served(t, "unix", "", addr)
	}
	refused(t, "unix", "", addr)
}

// TestARefusedConnectionLeavesNothing looks for what the kernel would keep.
func TestARefusedConnectionLeavesNothing(t *testing.T) {
	t.Parallel()
	l := listen(t, "tcp4", "127.0.0.1:0")
	addr := serve(t, l, Limits{})
	for range 20 {
		refused(t, "tcp4", "", addr)
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprintf(":%04X", l.Addr().(*net.TCPAddr).Port)
	for line := range strings.Lines(string(table)) {
		const listening = "0A"
		// sl, local_address, rem_address, st: proc_net_tcp in the kernel's documentation
		if field := strings.Fields(line); len(field) > 3 && strings.HasSuffix(field[1], port) && field[3] != listening {
			t.Errorf("the kernel keeps %s", line)
		}
	}
}

// script is a listener that returns what it is given, errors and connections, for
// what the kernel cannot be made to return; in the end it is closed.
type script []any

func (s *script) Accept() (net.Conn, error) {
	if len(*s) == 0 {
		return nil, net.ErrClosed
	}
	next := (*s)[0]
	*s = (*s)[1:]
	if err, ok := next.(error); ok {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: err}
	}
	return next.(net.Conn), nil
}

func (*script) Close() error   { return nil }
func (*script) Addr() net.Addr { return &net.TCPAddr{} }

// peer is a connection that claims to come from somewhere.
type peer struct {
	net.Conn
	addr string
}

func (p peer) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(p.addr), Port: 4711} }

func from(addr string) peer {
	c, _ := net.Pipe()
	return peer{c, addr}
}

// acceptAll returns what Accept returns until there is an error.
func acceptAll(l net.Listener) (conns []net.Conn, err error) {
	for {
		c, err := l.Accept()
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
	}
}

// TestLimitsOfIPv6: a source is a /64, and one IPv4 address however it is written.
func TestLimitsOfIPv6(t *testing.T) {
	t.Parallel()
	s := script{
		from("2001:db8:0:1::1"), from("2001:db8:0:1::2"), from("2001:db8:0:1:ffff:ffff:ffff:ffff"), from("2001:db8:0:2::1"),
		from("192.0.2.1"), from("192.0.2.1"), from("::ffff:192.0.2.1"), from("192.0.2.2"),
	}
	conns, _ := acceptAll(Wrap(&s, Limits{Total: 100, PerSource: 2}, discard()))
	var got []string
	for _, c := range conns {
		got = append(got, c.RemoteAddr().(*net.TCPAddr).IP.String())
	}
	if want := "2001:db8:0:1::1 2001:db8:0:1::2 2001:db8:0:2::1 192.0.2.1 192.0.2.1 192.0.2.2"; strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

// TestCloseGivesThePlaceBackOnce closes each connection many times at once: if a
// place came back twice, more would fit afterwards.
func TestCloseGivesThePlaceBackOnce(t *testing.T) {
	t.Parallel()
	const total, rounds = 4, 100
	s := script{}
	w := Wrap(&s, Limits{Total: total, PerSource: total}, discard())
	for range rounds {
		for range total + 2 {
			s = append(s, from("192.0.2.1"))
		}
		conns, _ := acceptAll(w)
		if len(conns) != total {
			t.Fatalf("%d places, want %d", len(conns), total)
		}
		var wait sync.WaitGroup
		for _, c := range conns {
			for range 4 {
				wait.Go(func() { _ = c.Close() })
			}
		}
		wait.Wait()
	}
}

// TestAcceptOutlivesItsErrors, but not those that stay.
func TestAcceptOutlivesItsErrors(t *testing.T) {
	t.Parallel()
	for errno, goesOn := range map[error]bool{
		syscall.EMFILE: true, syscall.ENFILE: true, syscall.ENOBUFS: true, syscall.ENOMEM: true,
		syscall.ECONNABORTED: true, syscall.EPROTO: true, syscall.EPERM: true, syscall.ENETDOWN: true,
		os.NewSyscallError("accept4", syscall.EMFILE): true,
		syscall.EBADF: false, syscall.EINVAL: false, syscall.ENOTSOCK: false,
		io.EOF: false, net.ErrClosed: false, os.ErrDeadlineExceeded: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			c, err := Wrap(&script{errno, errno, from("192.0.2.1")}, Limits{Total: 1}, discard()).Accept()
			if goesOn && (err != nil || c == nil) || !goesOn && !errors.Is(err, errno) {
				t.Errorf("%v: got %v", errno, err)
			}
		})
	}
}

// TestLinesAreRationed: a client that can make the server write lines could fill the disk.
func TestLinesAreRationed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := script{}
		w := Wrap(&s, Limits{Total: 2, PerSource: 1}, slog.New(slog.NewTextHandler(&out, nil)))
		for range 2000 {
			for _, addr := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"} {
				s = append(s, from(addr))
			}
			s = append(s, syscall.EMFILE) // which takes 10 ms
		}
		_, _ = acceptAll(w)
		for _, want := range []string{
			`msg="connections refused" source=192.0.2.1/32 hint="connection limit of one source reached" omitted=`,
			`msg="connections refused" hint="connection limit reached" omitted=`,
			`msg="no connection can be accepted" err="accept tcp: too many open files" hint=`,
		} {
			if n := strings.Count(out.String(), want); n < 19 || n > 20 {
				t.Errorf("%d lines with %s, want one a second", n, want)
			}
		}
		if n := strings.Count(out.String(), "\n"); n > 60 {
			t.Errorf("%d lines", n)
		}
	})
}

// TestCloseWriteShowsThrough: one direction of a connection ends, where it can.
func TestCloseWriteShowsThrough(t *testing.T) {
	t.Parallel()
	l := listen(t, "unix", filepath.Join(t.TempDir(), "s"))
	client, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := Wrap(l, Limits{Total: 1}, discard()).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Error(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end of one direction", err)
	}
	if _, err := client.Write([]byte{'x'}); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Errorf("the other direction: %v", err)
	}
}
