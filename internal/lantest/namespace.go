package lantest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"wolgate/internal/leak"
	"wolgate/internal/skip"
)

// Main hands the result of a test run from one process to the next through
// these variables, so that it needs none of its own.
const (
	// outsideVariable holds the network namespace that Main has left. Programs
	// that the tests start inherit it, which is right: they are inside as well.
	outsideVariable = "LANTEST_OUTSIDE"
	// refusedVariable holds the reason why Main could not leave it.
	refusedVariable = "LANTEST_REFUSED"
)

// exitPowerless is the exit status of a process that got its namespaces but no
// power over them. The testing package uses 0, 1 and 2.
const exitPowerless = 77

// Main runs a package's tests inside new user and network namespaces with
// loopback up, and exits with their status; it never returns. Call it from
// TestMain. It starts the test binary a second time, with the same arguments
// and open output, and passes signals on to it.
//
// Where the machine does not let it make namespaces, the tests run where they
// are, and Require skips those that need a LAN.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main without the exit, for a TestMain that has something to do afterwards.
func Run(m *testing.M) (status int) {
	if inside() {
		if err := loopbackUp(); err != nil {
			fmt.Fprintf(os.Stderr, "lantest: bring up loopback: %v\n", err)
			return exitPowerless
		}
		return leak.Run(m)
	}
	// Root may bring a second user into the namespace, others only themselves.
	status, err := runInside(again(true), again(false))
	if err != nil {
		return runRefused(m, err)
	}
	return status
}

// runRefused runs the tests where they are; Require skips for this reason.
func runRefused(m *testing.M, reason error) (status int) {
	if err := os.Setenv(refusedVariable, reason.Error()); err != nil {
		fmt.Fprintf(os.Stderr, "lantest: %v\n", err)
		return 1
	}
	return leak.Run(m)
}

// Require skips the calling test, by way of package skip, unless the process
// is inside the namespaces of Main. Every function that builds something calls
// it; a test that sends on its own calls it first.
func Require(t testing.TB) {
	t.Helper()
	if inside() {
		return
	}
	reason := os.Getenv(refusedVariable)
	if reason == "" {
		reason = "TestMain of this package does not call lantest.Main"
	}
	skip.Because(t, "needs its own network namespace: "+reason)
}

// inside compares namespaces and does not merely believe a variable, because
// what follows from it is that packets may be sent.
func inside() bool {
	outside := os.Getenv(outsideVariable)
	here, err := networkNamespace()
	return outside != "" && err == nil && here != outside
}

// networkNamespace returns the kernel's name of this thread's network
// namespace, such as "net:[4026531840]".
func networkNamespace() (string, error) { return os.Readlink("/proc/thread-self/ns/net") }

// runInside runs this test binary again in new namespaces, by the first command that
// starts, and returns its exit status. The error means that no test has run.
func runInside(commands ...*exec.Cmd) (status int, err error) {
	here, err := networkNamespace()
	if err != nil {
		return 0, err
	}
	// The kernel sends Pdeathsig when the thread that started the child ends,
	// which is sooner than the process unless the thread is kept.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// SIGQUIT is what go test sends after -timeout, to see the stacks.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	defer close(signals)
	defer signal.Stop(signals)
	var cmd *exec.Cmd
	for _, cmd = range commands {
		cmd.Env = append(cmd.Environ(), outsideVariable+"="+here)
		if err = cmd.Start(); err == nil {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("make namespaces: %w", err)
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it fails only when the process has ended
		}
	}()
	_ = cmd.Wait() // The state tells more than the error.
	if end, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && end.Signaled() {
		return 128 + int(end.Signal()), nil // As a shell does.
	}
	if cmd.ProcessState.ExitCode() == exitPowerless {
		return 0, errors.New("the machine makes user namespaces but gives them no capabilities")
	}
	return cmd.ProcessState.ExitCode(), nil
}

// again returns a command that runs this test binary in new namespaces, where
// the user is root and where, on demand, there is also the user nobody, for
// Unprivileged.
func again(withNobody bool) *exec.Cmd {
	cmd := sameBinary()
	attr := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	if withNobody {
		same := syscall.SysProcIDMap{ContainerID: nobody, HostID: nobody, Size: 1}
		attr.UidMappings = append(attr.UidMappings, same)
		attr.GidMappings = append(attr.GidMappings, same)
		attr.GidMappingsEnableSetgroups = true // Without it nobody would keep root's groups.
	}
	cmd.SysProcAttr = attr
	return cmd
}

// sameBinary returns a command that runs this test binary as it was started.
func sameBinary() *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

// loopbackUp leaves a loopback alone that is up already, as it is for a
// program that a test started.
func loopbackUp() error {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	if lo.Flags&net.FlagUp != 0 {
		return nil
	}
	return netlink.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: lo.Index}})
}
