package rtnetlink

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wolgate/internal/lantest"
)

// socket returns a socket whose reader is not patient, and its port.
func socket(t *testing.T) (fd int, port uint32) {
	t.Helper()
	lantest.Require(t)
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	must(t, "open a socket", err)
	t.Cleanup(func() { must(t, "close", unix.Close(fd)) })
	must(t, "bind", unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	timeout := unix.NsecToTimeval(int64(50 * time.Millisecond))
	must(t, "set a timeout", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout))
	name, err := unix.Getsockname(fd)
	must(t, "read the port", err)
	return fd, name.(*unix.SockaddrNetlink).Pid
}

func TestASilentKernelIsGivenUp(t *testing.T) {
	fd, _ := socket(t)
	if _, err := receive(fd, make([]byte, datagramSize)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// Root of this namespace may send to other sockets than the kernel's.
func TestOnlyTheKernelIsBelieved(t *testing.T) {
	fd, port := socket(t)
	forger, _ := socket(t)
	forged := request(unix.RTM_NEWLINK, 0, encode(unix.IfInfomsg{Index: 4711}))
	must(t, "forge", unix.Sendto(forger, forged, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: port}))
	ask := request(unix.RTM_GETLINK, 0, encode(unix.IfInfomsg{Index: 1}))
	must(t, "ask", unix.Sendto(fd, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	got, err := receive(fd, make([]byte, datagramSize))
	must(t, "receive", err)
	if len(got) != 1 || got[0].Type != unix.RTM_NEWLINK || parseLink(got[0].body)[0].Name != "lo" {
		t.Errorf("got %+v", got)
	}
}

func TestOnlyOurAnswerIsRead(t *testing.T) {
	fd, _ := socket(t)
	ask := request(unix.RTM_GETLINK, 0, encode(unix.IfInfomsg{Index: 1}))
	const offset = 8 // of the sequence number
	other := slices.Clone(ask)
	other[offset]++
	other[offset+1]++
	for want, ask := range [][]byte{other, ask} {
		must(t, "ask", unix.Sendto(fd, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
		got, err := receive(fd, make([]byte, datagramSize))
		if err != nil || len(got) != want {
			t.Errorf("got %+v, %v, want %d", got, err, want)
		}
	}
}

func TestATruncatedAnswerIsAnError(t *testing.T) {
	fd, _ := socket(t)
	ask := request(unix.RTM_GETLINK, 0, encode(unix.IfInfomsg{Index: 1}))
	must(t, "ask", unix.Sendto(fd, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	// A message that ends where the buffer does would look whole.
	if got, err := receive(fd, make([]byte, 100)); err == nil || errors.Is(err, errMalformed) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestARefusalIsAnErrno(t *testing.T) {
	lantest.Require(t)
	err := exchange(request(unix.RTM_GETLINK, 0, encode(unix.IfInfomsg{Index: 1_000_000})), func(message) bool { return true })
	if !errors.Is(err, unix.ENODEV) {
		t.Errorf("got %v", err)
	}
}
