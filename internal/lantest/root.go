package lantest

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"wolgate/internal/leak"
)

// MainAsRoot is Main for tests of what needs the machine's own root, as a container engine
// does. There is no user namespace; beside the network, processes and mounts have
// namespaces of their own. However the tests end, the kernel ends every process that they
// started, and their mounts go with them.
//
// Require skips where another user than root runs the tests.
func MainAsRoot(m *testing.M) { os.Exit(RunAsRoot(m)) }

// RunAsRoot is MainAsRoot without the exit, for a TestMain that has something to do
// afterwards.
func RunAsRoot(m *testing.M) (status int) {
	if inside() {
		if os.Getpid() == 1 {
			return first()
		}
		if err := loopbackUp(); err != nil {
			fmt.Fprintf(os.Stderr, "lantest: bring up loopback: %v\n", err)
			return 1
		}
		return leak.Run(m)
	}
	if os.Geteuid() != 0 {
		return runRefused(m, errors.New("only root may make one without a user namespace"))
	}
	cmd := sameBinary()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	status, err := runInside(cmd)
	if err != nil {
		return runRefused(m, err)
	}
	return status
}

// first is what process 1 does: it runs the tests, passes signals on to them, and reaps
// the processes whose parents have ended, which only process 1 can (pid_namespaces(7)).
func first() (status int) {
	if err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""),
	); err != nil {
		fmt.Fprintf(os.Stderr, "lantest: mount /proc: %v\n", err)
		return 1
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	cmd := sameBinary()
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "lantest: %v\n", err)
		return 1
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	for {
		var end syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &end, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			fmt.Fprintf(os.Stderr, "lantest: wait: %v\n", err)
			return 1
		case pid != cmd.Process.Pid:
		case end.Signaled():
			return 128 + int(end.Signal())
		default:
			return end.ExitStatus()
		}
	}
}
