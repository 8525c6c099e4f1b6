package lantest_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
)

func TestWritePcapLayout(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	if err := lantest.WritePcap(&got, []lantest.Frame{
		{Time: time.Unix(0x01020304, 0x05060708), Raw: []byte("cut"), Length: 0x203},
		{Time: time.Unix(1, 2), Raw: []byte("whole"), Length: 5},
	}); err != nil {
		t.Fatal(err)
	}
	want := "\x4d\x3c\xb2\xa1" + "\x02\x00\x04\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x01\x00" + "\x01\x00\x00\x00" +
		"\x04\x03\x02\x01" + "\x08\x07\x06\x05" + "\x03\x00\x00\x00" + "\x03\x02\x00\x00" + "cut" +
		"\x01\x00\x00\x00" + "\x02\x00\x00\x00" + "\x05\x00\x00\x00" + "\x05\x00\x00\x00" + "whole"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWritePcapSaysWhatTheWriterSays(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		skip.Because(t, err.Error())
	}
	defer full.Close()
	if err := lantest.WritePcap(full, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
}

func TestTsharkReadsWhatWasSniffed(t *testing.T) {
	lan := lantest.New(t, "lana", "10.10.0.1/24", "fe80::1/64")
	tshark := skip.Unless(t, "tshark", "tshark")
	send(t, "10.10.0.255:9", magic())
	send(t, allNodes(t, "lana"), magic())
	sendRaw(t, "lana", magic())
	frames := lan.Collect(quiet)
	if len(frames) != 3 {
		t.Fatalf("captured %+v", frames)
	}
	var capture bytes.Buffer
	if err := lantest.WritePcap(&capture, frames); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tshark, "-r", "-", "-n", "-T", "fields", "-E", "separator=,", "-E", "occurrence=f",
		"-e", "frame.time_epoch", "-e", "frame.len", "-e", "eth.dst", "-e", "eth.type",
		"-e", "ip.dst", "-e", "ipv6.dst", "-e", "udp.dstport", "-e", "wol.mac")
	// The settings of whoever runs the tests could change what it prints, and
	// where it may not read them it crashes.
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME=")
	cmd.Stdin = &capture
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for i, line := range []string{
		"144,ff:ff:ff:ff:ff:ff,0x0800,10.10.0.255,,9,02:11:22:33:44:55",
		"164,33:33:00:00:00:01,0x86dd,,ff02::1,9,02:11:22:33:44:55",
		"116,02:11:22:33:44:55,0x0842,,,,02:11:22:33:44:55",
	} {
		at := frames[i].Time
		want += fmt.Sprintf("%d.%09d,%s\n", at.Unix(), at.Nanosecond(), line)
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Error(diff)
	}
}
