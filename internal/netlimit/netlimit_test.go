package netlimit_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/netlimit"
	"wolgate/internal/skip"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// lines is what was logged since it was last taken.
type lines struct {
	mu  sync.Mutex
	all []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, b...)
	return len(b), nil
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := string(l.all)
	l.all = nil
	return all
}

// record returns a log without times and hints, and its lines.
func record() (*slog.Logger, *lines) {
	l := new(lines)
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "hint" {
			return slog.Attr{}
		}
		return a
	}})), l
}

// serve has an echo behind a wrapped listener, until the test ends.
func serve(t *testing.T, l net.Listener, limits netlimit.Limits) string {
	t.Helper()
	w := netlimit.Wrap(l, limits, quiet())
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := w.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			wait.Go(func() { echo(c) })
		}
	})
	t.Cleanup(wait.Wait) // after the clients, which are closed first
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func listen(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// refused connects and is closed at once: already connect may see the reset.
func refused(t *testing.T, network, from, to string) {
	t.Helper()
	c, err := try(t, network, from, to)
	if err == nil {
		err = speak(c)
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.EOF) {
		t.Errorf("from %s: not refused: %v", from, err)
	}
}

// served connects and returns the connection once it is served. While the server
// has not yet seen another one's end, it tries again.
func served(t *testing.T, from, to string) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := try(t, "tcp", from, to)
		if err == nil {
			err = speak(c)
		}
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
	addr := serve(t, listen(t, "tcp4", "127.0.0.1:0"), netlimit.Limits{Total: 8, PerSource: 3})
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
			c := dial(t, "tcp", step.from, addr)
			if err := speak(c); err != nil {
				t.Errorf("from %s: %v", step.from, err)
			}
			open = append(open, c)
		}
		for range step.beyond {
			refused(t, "tcp", step.from, addr)
		}
	}
	for _, c := range open {
		if err := speak(c); err != nil {
			t.Errorf("from %s: a refusal disturbed it: %v", c.LocalAddr(), err)
		}
	}
	_ = open[0].Close() // of 127.0.0.2, whose place anyone may have
	served(t, "127.0.0.5", addr)
	refused(t, "tcp", "127.0.0.2", addr)
	_ = open[3].Close()
	served(t, "127.0.0.2", addr)
	refused(t, "tcp", "127.0.0.2", addr)
}

func TestLimitsOfIPv6(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		skip.Because(t, "no IPv6 on loopback: "+err.Error())
	}
	addr := serve(t, l, netlimit.Limits{Total: 8, PerSource: 3})
	for range 3 {
		served(t, "::1", addr)
	}
	refused(t, "tcp6", "::1", addr)
}

// TestAProxyStandsForMany, and nobody else does because of it.
func TestAProxyStandsForMany(t *testing.T) {
	t.Parallel()
	addr := serve(t, listen(t, "tcp4", "127.0.0.1:0"), netlimit.Limits{Total: 6, PerSource: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}})
	served(t, "127.0.0.3", addr)
	refused(t, "tcp4", "127.0.0.3", addr)
	for range 5 {
		served(t, "127.0.0.2", addr)
	}
	refused(t, "tcp4", "127.0.0.2", addr)
}

func TestUnixPeersHaveNoSource(t *testing.T) {
	t.Parallel()
	addr := serve(t, listen(t, "unix", filepath.Join(t.TempDir(), "s")), netlimit.Limits{Total: 4, PerSource: 1})
	for range 4 {
		if err := speak(dial(t, "unix", "", addr)); err != nil {
			t.Error(err)
		}
	}
	refused(t, "unix", "", addr)
}

// TestARefusedConnectionLeavesNothing looks for what the kernel would keep.
func TestARefusedConnectionLeavesNothing(t *testing.T) {
	t.Parallel()
	l := listen(t, "tcp4", "127.0.0.1:0")
	addr := serve(t, l, netlimit.Limits{})
	for range 20 {
		c, err := try(t, "tcp4", "", addr)
		if err == nil {
			if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, err = c.Read(make([]byte, 1))
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a reset", err)
		}
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprintf(":%04X", l.Addr().(*net.TCPAddr).Port)
	for _, line := range strings.Split(string(table), "\n") {
		const listening = "0A"
		// sl, local_address, rem_address, st: proc_net_tcp in the kernel's documentation
		if field := strings.Fields(line); len(field) > 3 && strings.HasSuffix(field[1], port) && field[3] != listening {
			t.Errorf("the kernel keeps %s", line)
		}
	}
}

// script is a listener that does what it is told: errors of the kernel and peers
// from anywhere cannot be had otherwise.
type script struct {
	next   chan any // an error or a net.Conn
	closed chan struct{}
}

func newScript(steps ...any) *script {
	s := &script{next: make(chan any, 1000), closed: make(chan struct{})}
	for _, step := range steps {
		s.next <- step
	}
	return s
}

func (s *script) Accept() (net.Conn, error) {
	select {
	case step := <-s.next:
		if err, ok := step.(error); ok {
			return nil, &net.OpError{Op: "accept", Net: "tcp", Err: err}
		}
		return step.(net.Conn), nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *script) Close() error {
	close(s.closed)
	return nil
}

func (*script) Addr() net.Addr { return &net.TCPAddr{} }

// peer is one end of a pipe that claims to come from somewhere.
type peer struct {
	net.Conn
	addr string
}

func (p peer) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(p.addr), Port: 4711} }

func from(addr string) peer {
	c, _ := net.Pipe()
	return peer{c, addr}
}

// open reports whether the pipe was left open: its other end is not read, so
// a write would wait.
func (p peer) open() bool {
	_ = p.SetWriteDeadline(time.Unix(1, 0))
	_, err := p.Write([]byte{0})
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func TestSourcesAreNetworks(t *testing.T) {
	t.Parallel()
	peers := []struct {
		peer
		open bool
	}{
		{from("2001:db8:0:1::1"), true},
		{from("2001:db8:0:1::2"), true},
		{from("2001:db8:0:1:ffff:ffff:ffff:ffff"), false},
		{from("2001:db8:0:2::1"), true},
		{from("192.0.2.1"), true},
		{from("192.0.2.1"), true},
		{from("::ffff:192.0.2.1"), false},
		{from("192.0.2.2"), true},
	}
	s := newScript()
	for _, p := range peers {
		s.next <- p.peer
	}
	w := netlimit.Wrap(s, netlimit.Limits{Total: 100, PerSource: 2}, quiet())
	for range 6 {
		if _, err := w.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range peers {
		if got := p.peer.open(); got != p.open {
			t.Errorf("peer %d, %s: open is %v", i, p.addr, got)
		}
	}
}

// TestCloseGivesThePlaceBackOnce closes each connection many times at once: if a
// place came back twice, more would fit afterwards.
func TestCloseGivesThePlaceBackOnce(t *testing.T) {
	t.Parallel()
	const total, rounds = 4, 200
	s := newScript()
	w := netlimit.Wrap(s, netlimit.Limits{Total: total, PerSource: total}, quiet())
	for range rounds {
		var conns []net.Conn
		for range total {
			s.next <- from("192.0.2.1")
			c, err := w.Accept()
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		beyond := from("192.0.2.2")
		s.next <- beyond
		s.next <- io.EOF // which ends an Accept that has refused
		if _, err := w.Accept(); !errors.Is(err, io.EOF) || beyond.open() {
			t.Fatalf("got %v, the one beyond is open: %v", err, beyond.open())
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

// TestPauses shows when the next try comes, and that a success starts anew.
func TestPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		for range 2 {
			for range 11 {
				s.next <- syscall.EMFILE
			}
			s.next <- from("192.0.2.1")
		}
		log, out := record()
		w := netlimit.Wrap(s, netlimit.Limits{Total: 10}, log)
		const ms = time.Millisecond
		want := (5 + 10 + 20 + 40 + 80 + 160 + 320 + 640 + 1000 + 1000 + 1000) * ms
		for range 2 {
			start := time.Now()
			if _, err := w.Accept(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took != want {
				t.Errorf("took %s, want %s", took, want)
			}
		}
		told := "level=WARN msg=\"no connection can be accepted\" err=\"accept tcp: too many open files\"\n" +
			"level=INFO msg=\"connections are accepted again\" failures=11 after=4.275s\n"
		if diff := cmp.Diff(told+told, out.take()); diff != "" {
			t.Errorf("the log (-want +got):\n%s", diff)
		}
	})
}

// TestFailuresAreLoggedSeldom lets a client make every second Accept fail.
func TestFailuresAreLoggedSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		log, out := record()
		w := netlimit.Wrap(s, netlimit.Limits{Total: 1000}, log)
		start := time.Now()
		for range 400 {
			s.next <- syscall.EMFILE
			s.next <- from("192.0.2.1")
			if _, err := w.Accept(); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %s", took)
		}
		if told := out.take(); strings.Count(told, "\n") != 4 {
			t.Errorf("two seconds of failures are told as:\n%s", told)
		}
		for range 10 { // a series that began too soon after another, and lasts
			s.next <- syscall.ENFILE
		}
		s.next <- from("192.0.2.1")
		if _, err := w.Accept(); err != nil {
			t.Fatal(err)
		}
		if told := out.take(); !strings.Contains(told, "too many open files in system") || !strings.Contains(told, "failures=10") {
			t.Errorf("a long series was not told:\n%s", told)
		}
	})
}

func TestErrnos(t *testing.T) {
	t.Parallel()
	for errno, goesOn := range map[error]bool{
		syscall.EMFILE: true, syscall.ENFILE: true, syscall.ENOBUFS: true, syscall.ENOMEM: true,
		syscall.ECONNABORTED: true, syscall.EPROTO: true, syscall.EPERM: true, syscall.ENETDOWN: true,
		os.NewSyscallError("accept4", syscall.EMFILE): true,
		syscall.EBADF: false, syscall.EINVAL: false, syscall.ENOTSOCK: false, syscall.EOPNOTSUPP: false,
		io.EOF: false, net.ErrClosed: false, os.ErrDeadlineExceeded: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := netlimit.Wrap(newScript(errno, from("192.0.2.1")), netlimit.Limits{Total: 1}, quiet())
			_, err := w.Accept()
			if goesOn && err != nil || !goesOn && !errors.Is(err, errno) {
				t.Errorf("%v: got %v", errno, err)
			}
		})
	}
}

// TestCloseEndsAPause: the bubble also fails if a goroutine were left.
func TestCloseEndsAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		for range 20 {
			s.next <- syscall.EMFILE
		}
		w := netlimit.Wrap(s, netlimit.Limits{Total: 1}, quiet())
		ended := make(chan error)
		for range 2 {
			go func() {
				_, err := w.Accept()
				ended <- err
			}()
		}
		time.Sleep(2 * time.Second) // both are in a long pause
		synctest.Wait()
		closing := time.Now()
		for range 2 {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		for range 2 {
			err := <-ended
			if !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "use of closed network connection") {
				t.Errorf("got %v, want what net/http and fasthttp know", err)
			}
		}
		if late := time.Since(closing); late != 0 {
			t.Errorf("ended %s late", late)
		}
	})
}

func TestRefusalsAreLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		log, out := record()
		w := netlimit.Wrap(s, netlimit.Limits{Total: 2, PerSource: 1}, log)
		accept := func(peers ...string) {
			for _, addr := range peers {
				s.next <- from(addr)
			}
			s.next <- io.EOF
			for {
				if _, err := w.Accept(); err != nil {
					return
				}
			}
		}
		told := func(want string) {
			t.Helper()
			synctest.Wait()
			if diff := cmp.Diff(want, out.take()); diff != "" {
				t.Errorf("the log (-want +got):\n%s", diff)
			}
		}
		accept("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::2", "192.0.2.3")
		told("")
		time.Sleep(time.Second - time.Nanosecond)
		told("")
		time.Sleep(2 * time.Nanosecond) // past the moment, not at it
		told("level=WARN msg=\"connections refused\" count=2\n" + "level=WARN msg=\"connections refused\" count=2 source=192.0.2.1/32\n")
		time.Sleep(time.Hour)
		told("")
		for range 100 {
			accept("2001:db8::2")
			time.Sleep(9 * time.Millisecond)
		}
		time.Sleep(time.Second)
		told("level=WARN msg=\"connections refused\" count=100\n")
		accept("192.0.2.1")
		if err := w.Close(); err != nil { // does not wait for the second to end
			t.Error(err)
		}
		told("level=WARN msg=\"connections refused\" count=1 source=192.0.2.1/32\n")
		time.Sleep(time.Hour)
		told("")
	})
}

// TestTheSocketShowsThrough asks a wrapped Unix connection for its peer, and
// ends one direction of it.
func TestTheSocketShowsThrough(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	w := netlimit.Wrap(listen(t, "unix", path), netlimit.Limits{Total: 1}, quiet())
	client := dial(t, "unix", "", path)
	c, err := w.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		peer, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err != nil || int(peer.Pid) != os.Getpid() {
			t.Errorf("got %+v, %v", peer, err)
		}
	}); err != nil {
		t.Error(err)
	}
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

func TestAPipeHasNoSocket(t *testing.T) {
	t.Parallel()
	w := netlimit.Wrap(newScript(from("192.0.2.1")), netlimit.Limits{Total: 1}, quiet())
	c, err := w.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.(syscall.Conn).SyscallConn(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// TestManyClients has more of them than places, against a server with the
// timeouts that Limits asks for; each is served in the end.
func TestManyClients(t *testing.T) {
	t.Parallel()
	l := listen(t, "tcp4", "127.0.0.1:0")
	server := &http.Server{Handler: http.NotFoundHandler(), ReadTimeout: 10 * time.Second}
	ended := make(chan error)
	go func() { ended <- server.Serve(netlimit.Wrap(l, netlimit.Limits{Total: 8, PerSource: 2}, quiet())) }()
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i/4))}}
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
			for deadline := time.Now().Add(30 * time.Second); ; {
				response, err := client.Get("http://" + l.Addr().String())
				if err == nil {
					_ = response.Body.Close()
					return
				}
				if time.Now().After(deadline) {
					t.Errorf("client %d: %v", i, err)
					return
				}
			}
		})
	}
	wait.Wait()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		total, others int
		soft          uint64
		fits          bool
	}{
		{1024, 128, 1024 + 128 + 64, true},
		{1024, 128, 1024 + 128 + 63, false},
		{64, 0, 128, true},
		{64, 0, 127, false},
		{1, 0, 40, false},
		{math.MaxInt, 128, 1024, false},
		{math.MaxInt, 0, math.MaxUint64, true}, // RLIM_INFINITY
	} {
		most, err := netlimit.FitsIn(tt.total, tt.others, tt.soft)
		if (err == nil) != tt.fits || tt.fits && most != tt.total || !tt.fits && most != max(0, int(tt.soft)-tt.others-64) {
			t.Errorf("%+v: got %d, %v", tt, most, err)
		}
		want := fmt.Sprintf("RLIMIT_NOFILE allows %d: raise it to at least %d ", tt.soft, uint64(tt.total)+uint64(tt.others)+64)
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	most := int(min(limit.Cur, math.MaxInt32)) - 64
	if _, err := netlimit.Fits(most-5, 5); err != nil {
		t.Error(err)
	}
	if _, err := netlimit.Fits(most, 1); uint64(most) == limit.Cur-64 && err == nil {
		t.Error("more fits than this process may open")
	}
}
