package lantest_test

import (
	"net"
	"slices"
	"testing"

	"wolgate/internal/lantest"
)

func TestNewIsReady(t *testing.T) {
	lantest.New(t, "lana")
	if got := flags("lana"); got != net.FlagUp|net.FlagBroadcast|net.FlagMulticast|net.FlagRunning {
		t.Errorf("flags are %v", got)
	}
}

func TestCarrier(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24")
	for range 3 {
		l.CarrierOff()
		if got := flags("lana"); got&net.FlagUp == 0 || got&net.FlagRunning != 0 {
			t.Errorf("without a carrier flags are %v", got)
		}
		send(t, "10.10.0.255:9", magic()) // The kernel calls this a success.
		l.CarrierOn()
		if got := flags("lana"); got&net.FlagRunning == 0 {
			t.Errorf("with a carrier flags are %v", got)
		}
		if got := l.Collect(quiet); len(got) > 0 {
			t.Errorf("captured without a carrier: %+v", got)
		}
		arrives(t, l, "10.10.0.255:9")
	}
}

func TestDownAndUp(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24", "fe80::1/64")
	l.Down()
	if got := flags("lana"); got&(net.FlagUp|net.FlagRunning) != 0 {
		t.Errorf("down, flags are %v", got)
	}
	if c, err := net.Dial("udp", "10.10.0.255:9"); err == nil {
		_ = c.Close()
		t.Error("a LAN that is down has a route")
	}
	l.Up()
	arrives(t, l, "10.10.0.255:9")
	arrives(t, l, allNodes(t, "lana"))
	l.Down()
	l.CarrierOff()
	l.Up() // Must not wait for what cannot come.
	if got := flags("lana"); got&net.FlagUp == 0 || got&net.FlagRunning != 0 {
		t.Errorf("up without a carrier, flags are %v", got)
	}
	l.Down()
	l.CarrierOn() // Neither must this.
	l.Up()
	arrives(t, l, "10.10.0.255:9")
}

func TestAddresses(t *testing.T) {
	l := lantest.New(t, "lana")
	ifi, err := net.InterfaceByName("lana")
	if err != nil {
		t.Fatal(err)
	}
	has := func(prefix string) bool {
		all, err := ifi.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(a net.Addr) bool { return a.String() == prefix })
	}
	for _, prefix := range []string{"10.10.0.1/24", "10.10.1.1/31", "10.10.2.1/32", "fe80::1/64"} {
		l.AddAddress(prefix)
		if !has(prefix) {
			t.Errorf("%s is not there", prefix)
		}
		l.DelAddress(prefix)
		if has(prefix) {
			t.Errorf("%s is still there", prefix)
		}
	}
}

func TestRename(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24")
	l.Rename("wan0")
	if flags("lana") != 0 || flags("wan0")&net.FlagRunning == 0 {
		t.Errorf("lana has %v, wan0 has %v", flags("lana"), flags("wan0"))
	}
	arrives(t, l, "10.10.0.255:9")
	l.CarrierOff() // Goes by the index, not the name.
}

func TestDelete(t *testing.T) {
	for range 2 { // The name is free again at once.
		l := lantest.New(t, "lana", "10.10.0.1/24")
		arrives(t, l, "10.10.0.255:9")
		l.Delete()
		if got := flags("lana"); got != 0 {
			t.Errorf("deleted, flags are %v", got)
		}
	}
}

func TestNothingIsLeft(t *testing.T) {
	t.Run("LANs", func(t *testing.T) {
		lantest.New(t, "lana", "10.10.0.1/24")
		lantest.Bridge(t, "docker0", "172.17.0.1/16")
		lantest.Tunnel(t, "tun0", "10.8.0.2/24")
	})
	lantest.Require(t)
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, ifi := range all {
		if ifi.Name != "lo" && ifi.Flags&net.FlagUp != 0 {
			t.Errorf("%s is left", ifi.Name)
		}
	}
}

func TestDefaultRoute(t *testing.T) {
	a := lantest.New(t, "lana", "10.10.0.1/24")
	b := lantest.New(t, "lanb", "10.20.0.1/24")
	if c, err := net.Dial("udp", "255.255.255.255:9"); err == nil {
		_ = c.Close()
		t.Error("there is a default route before one was asked for")
	}
	b.DefaultRoute()
	arrives(t, b, "255.255.255.255:9")
	arrives(t, b, "192.0.2.255:9") // Off-link: to the gateway's MAC.
	a.DefaultRoute()
	arrives(t, a, "255.255.255.255:9")
	if got := b.Collect(quiet); len(got) > 0 {
		t.Errorf("the other LAN captured %+v", got)
	}
}
