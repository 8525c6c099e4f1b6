package lantest_test

import (
	"net"
	"os/exec"
	"testing"

	"github.com/vishvananda/netlink"

	"wolgate/internal/lantest"
)

func TestTunnel(t *testing.T) {
	tun := lantest.Tunnel(t, "tun0", "10.8.0.2/24")
	if got := flags("tun0"); got != net.FlagUp|net.FlagPointToPoint|net.FlagMulticast|net.FlagRunning {
		t.Errorf("flags are %v", got)
	}
	link, err := netlink.LinkByName("tun0")
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil || len(addrs) != 1 || addrs[0].IPNet.String() != "10.8.0.2/24" || addrs[0].Broadcast != nil {
		t.Errorf("addresses are %+v, %v", addrs, err)
	}
	if got := tun.Packets(); got != 0 {
		t.Errorf("%d packets before one was sent", got)
	}
	tun.AddAddress("fd00:8::2/64")
	const each = 1000 // More than the 500 for which a tunnel comes with room.
	for range each {
		send(t, "10.8.0.9:9", magic())
		send(t, "[fd00:8::9]:9", magic())
	}
	for range 2 { // What was counted stays counted.
		if got := tun.Packets(); got != 2*each {
			t.Errorf("%d packets, want %d", got, 2*each)
		}
	}
}

func TestTunnelGoesWithItsTest(t *testing.T) {
	lantest.Require(t)
	sleep := exec.Command("sleep", "60") // Inherits whatever is not closed on exec.
	t.Run("tunnel", func(t *testing.T) {
		lantest.Tunnel(t, "tun0", "10.8.0.2/24")
		if err := sleep.Start(); err != nil {
			t.Fatal(err)
		}
	})
	if sleep.Process == nil {
		return // There are no tunnels here.
	}
	defer sleep.Wait()
	defer sleep.Process.Kill()
	if got := flags("tun0"); got != 0 {
		t.Errorf("flags are %v", got)
	}
}

func TestTunnelDefaultRoute(t *testing.T) {
	lan := lantest.New(t, "lana", "10.10.0.1/24")
	tun := lantest.Tunnel(t, "tun0", "10.8.0.2/24")
	lan.DefaultRoute()
	entered := 0
	enters := func(to string) {
		t.Helper()
		send(t, to, magic())
		entered++
		if got := tun.Packets(); got != entered {
			t.Errorf("%s: %d packets, want %d", to, got, entered)
		}
	}
	for name, route := range map[string]func(){"whole": tun.DefaultRoute, "halves": tun.DefaultRouteHalves} {
		route()
		for _, to := range []string{"192.0.2.1:9", "8.8.8.8:9", "255.255.255.255:9"} {
			enters(to)
		}
		arrives(t, lan, "10.10.0.255:9") // A LAN's own network is more specific.
		if got := lan.Collect(quiet); len(got) > 0 {
			t.Errorf("%s: the LAN captured %+v", name, got)
		}
		tun.Down()
		if name == "whole" { // It took the LAN's place.
			lan.DefaultRoute()
		}
		arrives(t, lan, "192.0.2.1:9")
		tun.Up()
	}
	tun.DefaultRoute()
	enters("192.0.2.1:9")
	lan.DefaultRoute() // The last one wins.
	arrives(t, lan, "192.0.2.1:9")
}
