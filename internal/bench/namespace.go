package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// outsideVariable holds the network namespace that a bench has left for its own.
const outsideVariable = "BENCH_OUTSIDE"

// networkNamespace returns the kernel's name of it, such as "net:[4026531840]".
func networkNamespace() (string, error) { return os.Readlink("/proc/self/ns/net") }

// inside says whether this process is in a network namespace of its own. It compares
// them, because what follows is that packets are sent.
func inside() bool {
	outside := os.Getenv(outsideVariable)
	here, err := networkNamespace()
	return outside != "" && err == nil && here != outside
}

// again runs this program, with its arguments, as root of a new user and network
// namespace, and removes what it leaves, also where it is interrupted.
func again() error {
	here, err := networkNamespace()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	interrupted, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	runtime.LockOSThread() // Pdeathsig is about the thread that starts
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(interrupted, "/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), outsideVariable+"="+here, "TMPDIR="+dir)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	err = cmd.Run()
	if _, started := errors.AsType[*exec.ExitError](err); err == nil || started { // it has said why it failed
		return err
	}
	return fmt.Errorf("make a network namespace: %w: the machine has to allow it (user_namespaces(7)), or run it as root", err)
}

// Addresses of the LAN, and its broadcast with the port that magic packets go to.
const (
	nearEnd      = "lan0"
	nearAddress  = "10.77.0.1/24"
	lanBroadcast = "10.77.0.255"
	wakePort     = 9

	lanDestination = lanBroadcast + ":9"
)

// newLAN makes a veth pair and returns the index of its far end. The near end is the
// interface that wakes leave by; the far end has no address, so that the kernel looks
// at what arrives and drops it.
func newLAN() (far int, err error) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return 0, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = nearEnd
	if err := errors.Join(netlink.LinkSetUp(lo), netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "far"})); err != nil {
		return 0, err
	}
	near, err := netlink.LinkByName(nearEnd)
	if err != nil {
		return 0, err
	}
	farEnd, err := netlink.LinkByName("far")
	if err != nil {
		return 0, err
	}
	address, err := netlink.ParseAddr(nearAddress)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(netlink.LinkSetUp(farEnd), netlink.LinkSetUp(near), netlink.AddrAdd(near, address)); err != nil {
		return 0, err
	}
	// The kernel puts off what follows from a carrier (IFF_RUNNING), by a second at most.
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		now, err := netlink.LinkByIndex(near.Attrs().Index)
		if err != nil {
			return 0, err
		}
		if now.Attrs().RawFlags&unix.IFF_RUNNING != 0 {
			return farEnd.Attrs().Index, nil
		}
		if time.Now().After(end) {
			return 0, errors.New("the interface does not run")
		}
	}
}
