package main

import (
	"errors"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

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
	// A new network namespace has nothing but lo, which is down.
	there, err := net.Interfaces()
	if err != nil {
		return 0, err
	}
	if len(there) != 1 || there[0].Flags&net.FlagUp != 0 {
		return 0, errors.New("this network has other users: run it by make bench, or by unshare -Urn")
	}
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
	// IFF_RUNNING follows the carrier by up to a second.
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
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
