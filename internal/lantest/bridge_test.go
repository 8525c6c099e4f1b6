package lantest_test

import (
	"net"
	"testing"

	"wolgate/internal/lantest"
)

func TestBridge(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24")
	lantest.Bridge(t, "docker0", "172.17.0.1/16")
	if got := flags("docker0"); got&(net.FlagRunning|net.FlagBroadcast) != net.FlagRunning|net.FlagBroadcast {
		t.Errorf("flags are %v", got)
	}
	send(t, "172.17.255.255:9", magic())
	if got := l.Collect(quiet); len(got) > 0 {
		t.Errorf("captured %+v", got)
	}
}

func TestBridgePorts(t *testing.T) {
	a, b := lantest.New(t, "lana"), lantest.New(t, "lanb")
	bridge := lantest.Bridge(t, "br0", "172.17.0.1/16")
	for range 3 {
		bridge.AddPort(a)
		bridge.AddPort(b)
		arrives(t, a, "172.17.255.255:9")
		if _, ok := b.Next(soon); !ok {
			t.Error("the second port was left out")
		}
		bridge.RemovePort(a)
		arrives(t, b, "172.17.255.255:9")
		if got := a.Collect(quiet); len(got) > 0 {
			t.Errorf("captured behind what is no port any more: %+v", got)
		}
		bridge.RemovePort(b)
		if got := flags("br0"); got&net.FlagUp == 0 || got&net.FlagRunning != 0 {
			t.Errorf("without its last port flags are %v", got)
		}
	}
	bridge.Down() // As any other link.
	bridge.AddPort(a)
	bridge.Up()
	arrives(t, a, "172.17.255.255:9")
	a.Delete()
	bridge.RemovePort(b) // It is none.
}

func TestBridgePortWithoutCarrier(t *testing.T) {
	a := lantest.New(t, "lana")
	bridge := lantest.Bridge(t, "br0", "172.17.0.1/16")
	a.CarrierOff()
	bridge.AddPort(a) // Must not wait for what cannot come.
	a.CarrierOn()
	bridge.Up() // A bridge gets its carrier from its ports.
	arrives(t, a, "172.17.255.255:9")
}
