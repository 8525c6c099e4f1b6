package e2e

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"wolgate/internal/skip"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestTheDaemonHasNothing reads what the kernel knows of a daemon that wakes.
func TestTheDaemonHasNothing(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	daemon := startPowerless(t, woltest.Build(t), loopback(r)...)
	daemon.wake(t, wol.Target{MAC: woltest.MAC(1)})
	r.Next(t)
	text, err := os.ReadFile("/proc/" + daemon.pid() + "/status")
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		status[name] = strings.Join(strings.Fields(value), " ")
	}
	if strings.HasPrefix(status["Uid"], "0 ") {
		skip.Because(t, "only root can bring a second user into the namespace")
	}
	const none = "0000000000000000"
	for name, want := range map[string]string{
		"Uid": "65534 65534 65534 65534", "Gid": "65534 65534 65534 65534", "Groups": "",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
		"NoNewPrivs": "1",
	} {
		if got, found := status[name]; !found || got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestTheDaemonListensToNoNetwork looks up every socket of a daemon that has sent, by
// its inode, in the kernel's tables. It has no TCP and no raw socket. The UDP sockets
// that it sends by have a port of the kernel's choice from their first packet on, for
// as long as their interface is there: nobody reads them, so whoever writes to one
// fills its queue, gets no answer and changes nothing.
func TestTheDaemonListensToNoNetwork(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	daemon := startPowerless(t, woltest.Build(t), append(loopback(r), "--port", "9")...)
	wake := func() {
		t.Helper()
		daemon.wake(t, wol.Target{MAC: woltest.MAC(1)})
		r.Next(t)
	}
	wake()
	for _, table := range []string{"tcp", "tcp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6"} {
		if lines := socketsIn(t, daemon.pid(), table, 9); len(lines) > 0 {
			t.Errorf("%s: %q", table, lines)
		}
	}
	if lines := socketsIn(t, daemon.pid(), "packet", 8); len(lines) > 0 {
		t.Errorf("packet: %q", lines)
	}
	if len(socketsIn(t, daemon.pid(), "unix", 6)) == 0 {
		t.Error("not even its own socket is found, so this proves nothing")
	}
	udp := slices.Concat(socketsIn(t, daemon.pid(), "udp", 9), socketsIn(t, daemon.pid(), "udp6", 9))
	if len(udp) == 0 {
		t.Error("no UDP socket is found, so this proves nothing")
	}
	for _, line := range udp {
		_, hex, _ := strings.Cut(line[1], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		if port == 0 {
			continue // it has not sent, and nothing reaches it
		}
		if port < 1024 || uint16(port) == r.Addr().Port() {
			t.Errorf("a socket has port %d", port)
		}
		knock(t, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)))
	}
	wake()
	if err := daemon.Ping(t.Context(), wol.NewRequestID()); err != nil {
		t.Error(err)
	}
}

// knock sends more datagrams than a queue holds, magic packets among them, and wants
// no answer. Loopback delivers before the call returns.
func knock(t *testing.T, to netip.AddrPort) {
	t.Helper()
	conn, err := net.Dial("udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	packet := woltest.Packet(t, wol.Target{MAC: woltest.MAC(2)})
	for range 2000 {
		for _, say := range [][]byte{packet, bytes.Repeat([]byte("x"), 1400), {}} {
			if _, err := conn.Write(say); err != nil {
				t.Fatalf("to %s: %v", to, err)
			}
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 2048)); err == nil {
		t.Errorf("%s answers with %d bytes", to, n)
	}
}

// socketsIn returns the fields of those lines of a table in /proc/PID/net that are
// about descriptors of the process itself. The field at index inode tells.
func socketsIn(t *testing.T, pid, table string, inode int) [][]string {
	t.Helper()
	own := map[string]bool{}
	links, err := filepath.Glob("/proc/" + pid + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		target, _ := os.Readlink(link) // one that was closed just now is none
		if number, is := strings.CutPrefix(target, "socket:["); is {
			own[strings.TrimSuffix(number, "]")] = true
		}
	}
	if len(own) == 0 {
		t.Fatal("the process has no sockets")
	}
	text, err := os.ReadFile("/proc/" + pid + "/net/" + table)
	if os.IsNotExist(err) {
		return nil // a kernel without this family
	}
	if err != nil {
		t.Fatal(err)
	}
	var list [][]string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > inode && own[fields[inode]] {
			list = append(list, fields)
		}
	}
	return list
}
