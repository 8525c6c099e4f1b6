package lantest_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"wolgate/internal/lantest"
)

func TestFirewall(t *testing.T) {
	lan := lantest.New(t, "lana", "10.10.0.1/24")
	for name, tt := range map[string]struct {
		ruleset        string
		plain, recvErr error // of sendto, without IP_RECVERR and with it
	}{
		"output": {`
			table inet wolgate {
				chain out {
					type filter hook output priority 0
					udp dport 9 drop
				}
			}`, syscall.EPERM, syscall.EPERM},
		"egress": {`
			table netdev wolgate {
				chain out {
					type filter hook egress device "lana" priority 0
					udp dport 9 drop
				}
			}`, nil, syscall.ENOBUFS},
	} {
		t.Run(name, func(t *testing.T) {
			lantest.Firewall(t, tt.ruleset)
			if err := sendWith(t, "10.10.0.255:9", 0); !errors.Is(err, tt.plain) {
				t.Errorf("without IP_RECVERR: %v, want %v", err, tt.plain)
			}
			if err := sendWith(t, "10.10.0.255:9", 1); !errors.Is(err, tt.recvErr) {
				t.Errorf("with IP_RECVERR: %v, want %v", err, tt.recvErr)
			}
			send(t, "10.10.0.255:7", magic())
			if got := lan.Collect(quiet); len(got) != 1 || got[0].DstPort != 7 {
				t.Errorf("captured %+v", got)
			}
		})
		arrives(t, lan, "10.10.0.255:9") // The rules went with their test.
	}
}

func TestFirewallsAddUp(t *testing.T) {
	lan := lantest.New(t, "lana", "10.10.0.1/24")
	for _, port := range []string{"9", "7"} {
		lantest.Firewall(t, `
			table inet wolgate`+port+` {
				chain out {
					type filter hook output priority 0
					udp dport `+port+` drop
				}
			}`)
	}
	for _, port := range []string{"9", "7"} {
		if err := sendWith(t, "10.10.0.255:"+port, 0); !errors.Is(err, syscall.EPERM) {
			t.Errorf("port %s: %v", port, err)
		}
	}
	if got := lan.Collect(quiet); len(got) > 0 {
		t.Errorf("captured %+v", got)
	}
}

// sendWith is send on a socket with this IP_RECVERR, and returns what sendto
// says.
func sendWith(t *testing.T, to string, recvErr int) error {
	t.Helper()
	c, err := net.Dial("udp4", to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if controlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_RECVERR, recvErr)
	}); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	_, err = c.Write(magic())
	return err
}
