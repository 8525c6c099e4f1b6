package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

const rawDestination = "ff:ff:ff:ff:ff:ff/0x0842"

func TestRawFrames(t *testing.T) {
	lantest.Require(t)
	lans := lans{"lan0": lantest.New(t, "lan0", "10.70.0.1/24"), "lan1": lantest.New(t, "lan1")}
	d := startRoot(t, "--raw", "--repeat", "2", "--repeat-interval", "20ms")
	for n, password := range passwords(t) {
		target := wol.Target{MAC: woltest.MAC(n + 1), SecureOn: password}
		receipts := d.wake(t, target)
		raw := 0
		for _, sent := range receipts[0].Sent {
			if sent.Destination == rawDestination {
				raw++
			}
		}
		if raw != len(lans) || receipts[0].Status != wol.Sent {
			t.Errorf("receipt %+v, want a raw frame on each interface", receipts[0])
		}
		compare(t, lans, receipts, []wol.Target{target}, 2)
	}
}

// TestRawFramesAreRefusedInOneLine asks for raw frames without the capability that
// they need.
func TestRawFramesAreRefusedInOneLine(t *testing.T) {
	lantest.Require(t)
	lans := lans{"lan0": lantest.New(t, "lan0", "10.70.0.1/24")}
	d := startPowerless(t, woltest.Build(t), "--raw", "--repeat", "1")
	line := d.log.wait(t, "msg", "raw frames are not sent, UDP goes on")
	if text := fmt.Sprint(line["err"]); !strings.Contains(text, "CAP_NET_RAW") {
		t.Errorf("the line does not name the capability: %q", text)
	}
	if n := strings.Count(d.log.String(), "CAP_NET_RAW"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	targets := numbered(1, 1)
	receipts := d.wake(t, targets...)
	if receipts[0].Status != wol.Sent || len(receipts[0].Sent) != 2 {
		t.Errorf("receipt %+v", receipts[0])
	}
	compare(t, lans, receipts, targets, 1)
}

// TestTsharkKnowsEveryPacket has the dissector of Wireshark, which is nobody's here,
// read what the sniffer saw.
func TestTsharkKnowsEveryPacket(t *testing.T) {
	lantest.Require(t)
	tshark := skip.Unless(t, "tshark", "tshark")
	lan := lantest.New(t, "lan0", "10.71.0.1/24", "fe80::1/64")
	lans := lans{"lan0": lan}
	d := startRoot(t, "--raw", "--ipv6", "--repeat", "1")
	var targets []wol.Target
	for n, password := range passwords(t) {
		targets = append(targets, wol.Target{MAC: woltest.MAC(n + 1), SecureOn: password})
	}
	frames := compare(t, lans, d.wake(t, targets...), targets, 1)
	if want := len(targets) * 4; len(frames) != want { // limited, directed, IPv6, raw
		t.Fatalf("%d frames, want %d", len(frames), want)
	}
	path := filepath.Join(t.TempDir(), "lan0.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := lantest.WritePcap(file, frames); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	// -x adds the bytes of each layer: tshark 4.0 shows a password's value wrongly,
	// and its bytes rightly.
	out, err := exec.Command(tshark, "-n", "-r", path, "-T", "json", "-x", "--no-duplicate-keys").Output()
	if err != nil {
		t.Fatal(err)
	}
	var dissected []struct {
		Source struct {
			Layers struct {
				Frame struct {
					Protocols string `json:"frame.protocols"`
				} `json:"frame"`
				Ethernet struct {
					Type string `json:"eth.type"`
				} `json:"eth"`
				UDP struct {
					Port string `json:"udp.dstport"`
				} `json:"udp"`
				Magic []any `json:"wol_raw"` // the bytes, then where they stand
			} `json:"layers"`
		} `json:"_source"`
	}
	if err := json.Unmarshal(out, &dissected); err != nil {
		t.Fatal(err)
	}
	if len(dissected) != len(frames) {
		t.Fatalf("tshark read %d frames of %d", len(dissected), len(frames))
	}
	kinds := map[string]int{}
	for i, one := range dissected {
		layers := one.Source.Layers
		if !strings.HasSuffix(layers.Frame.Protocols, ":wol") {
			t.Errorf("frame %d is no magic packet for tshark, but %s", i, layers.Frame.Protocols)
			continue
		}
		if want := fmt.Sprintf("%x", frames[i].Payload); len(layers.Magic) == 0 || layers.Magic[0] != want {
			t.Errorf("frame %d: tshark has the bytes %v, want %s", i, layers.Magic, want)
		}
		kinds[fmt.Sprintf("%s %s %d", layers.Ethernet.Type, layers.UDP.Port, len(frames[i].Payload))]++
	}
	for _, size := range []int{102, 106, 108} {
		for kind, n := range map[string]int{"0x0800 9": 2, "0x86dd 9": 1, "0x0842 ": 1} {
			if got := kinds[fmt.Sprintf("%s %d", kind, size)]; got != n {
				t.Errorf("%d packets of type and port %s and %d bytes, want %d; all: %v", got, kind, size, n, kinds)
			}
		}
	}
}
