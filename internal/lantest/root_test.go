package lantest_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/lantest"
)

// TestMainAsRootLeavesNothing: whoever has left the process group and lost its parent ends
// with the tests all the same.
func TestMainAsRootLeavesNothing(t *testing.T) {
	lantest.Require(t)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		endsWithItsParent(t, "orphans of root", s)
	}
}

func TestFarEnd(t *testing.T) {
	lan := lantest.New(t, "lana", "10.10.0.1/24")
	lan.FarAddress("10.10.0.2/24")
	lan.FarAddress("192.0.2.9/32")
	lan.DefaultRouteVia("10.10.0.2")
	lan.FarDefaultRoute()
	var far net.PacketConn
	if err := lan.Beyond(func() (err error) {
		far, err = net.ListenPacket("udp", "192.0.2.9:7")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := net.Dial("udp", "192.0.2.9:7")
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if _, err := near.Write([]byte("there")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 9)
	_ = far.SetDeadline(time.Now().Add(soon))
	n, from, err := far.ReadFrom(b)
	if err != nil || string(b[:n]) != "there" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	if _, err := far.WriteTo([]byte("back"), from); err != nil {
		t.Fatal(err)
	}
	_ = near.SetDeadline(time.Now().Add(soon))
	if n, err := near.Read(b); err != nil || string(b[:n]) != "back" {
		t.Fatalf("%q, %v", b[:n], err)
	}
}
