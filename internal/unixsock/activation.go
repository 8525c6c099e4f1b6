package unixsock

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"
)

// firstFD is the descriptor of the first socket that systemd passes,
// SD_LISTEN_FDS_START in sd_listen_fds(3).
const firstFD = 3

// Activated returns the listener that systemd passed by socket activation
// (sd_listen_fds(3)), or nil and no error when none was passed. The path, its
// mode and its removal stay systemd's. allowUIDs is explained at Listener.
// Call it once, and before anything that might open a file as descriptor 3.
func Activated(getenv func(string) string, allowUIDs []uint32, log *slog.Logger) (*Listener, error) {
	unix, err := activated(getenv, os.Getpid(), firstFD)
	if err != nil {
		return nil, fmt.Errorf("take over socket from systemd: %w", err)
	}
	if unix == nil {
		return nil, nil
	}
	l := newListener(unix.Addr().String(), allowUIDs, log)
	l.unix, l.release, l.systemds = unix, unix.Close, true
	l.node, _ = os.Lstat(l.path) // one that is not there is found to be gone
	return l, nil
}

func activated(getenv func(string) string, pid, fd int) (*net.UnixListener, error) {
	forPID, count := getenv("LISTEN_PID"), getenv("LISTEN_FDS")
	if forPID == "" || count == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(forPID)
	if err != nil {
		return nil, fmt.Errorf("LISTEN_PID %q is not a process id: unset it, or start through systemd", forPID)
	}
	if n != pid { // inherited from a process that was activated and did not unset it
		return nil, nil
	}
	if count != "1" {
		return nil, fmt.Errorf("LISTEN_FDS is %q but one socket is served: keep one ListenStream= in the socket unit", count)
	}
	// The descriptor is not touched until it is known to be our socket: it could be any,
	// even the Go runtime's own.
	for _, want := range []struct{ option, value int }{
		{syscall.SO_DOMAIN, syscall.AF_UNIX}, {syscall.SO_TYPE, syscall.SOCK_STREAM}, {syscall.SO_ACCEPTCONN, 1},
	} {
		got, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, want.option)
		if err != nil {
			return nil, fmt.Errorf("descriptor %d: %w: it was not passed, check the socket unit", fd, os.NewSyscallError("getsockopt", err))
		}
		if got != want.value {
			return nil, fmt.Errorf("descriptor %d is not a listening Unix stream socket: use ListenStream= with a path, and Accept=no", fd)
		}
	}
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "LISTEN_FDS")
	defer file.Close() // FileListener works on a copy
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	unix, ok := listener.(*net.UnixListener)
	if !ok {
		_ = listener.Close()
		return nil, fmt.Errorf("descriptor %d is a %T, not a Unix listener", fd, listener)
	}
	return unix, nil // its Close does not unlink, because package net did not make the node
}
