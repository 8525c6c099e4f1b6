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

func TestReceive(t *testing.T) {
	fd, port := socket(t)
	forger, _ := socket(t)
	send := func(from int, to uint32, message []byte) {
		must(t, "send", unix.Sendto(from, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: to}))
	}
	ask := request(unix.RTM_GETLINK, 0, encode(unix.IfInfomsg{Index: 1}))
	other := slices.Clone(ask)
	other[8]++ // the sequence number
	other[9]++
	buffer := make([]byte, datagramSize)
	if _, err := receive(fd, buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("of a silent kernel: got %v", err)
	}
	send(fd, 0, other)
	if got, err := receive(fd, buffer); err != nil || len(got) > 0 {
		t.Errorf("the answer to another question: got %+v, %v", got, err)
	}
	// Root of this namespace may send to other sockets than the kernel's.
	send(forger, port, request(unix.RTM_NEWLINK, 0, encode(unix.IfInfomsg{Index: 4711})))
	send(fd, 0, ask)
	if got, err := receive(fd, buffer); err != nil || len(got) != 1 || got[0].Type != unix.RTM_NEWLINK || parseLink(got[0].body)[0].Name != "lo" {
		t.Errorf("beside a forged answer: got %+v, %v", got, err)
	}
	// A message that ends where the buffer does would look whole.
	send(fd, 0, ask)
	if got, err := receive(fd, buffer[:100]); err == nil || errors.Is(err, errMalformed) {
		t.Errorf("cut off: got %+v, %v", got, err)
	}
}

func TestARefusalIsAnErrno(t *testing.T) {
	lantest.Require(t)
	err := exchange(request(unix.RTM_GETLINK, 0, encode(unix.IfInfomsg{Index: 1_000_000})), func(message) bool { return true })
	if !errors.Is(err, unix.ENODEV) {
		t.Errorf("got %v", err)
	}
}
