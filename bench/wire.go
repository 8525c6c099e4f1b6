package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"wolgate/internal/magicpacket"
)

// measureWire asks on one connection, with a gap after each answer, and looks when the
// first packet of each wake arrives at the far end of the LAN.
func measureWire(p plan) (table, error) {
	const gap = 10 * time.Millisecond
	n := max(50, int(time.Duration(p.rounds)*p.span/gap))
	t := table{
		title: "Request to packet on the wire",
		head:  []string{"design", "p50", "p99", "most", "of wakes"},
		note:  "From just before the client writes the request to when the kernel has the packet at the far end of the LAN; one connection, a wake 10 ms after the answer to the last, so that everything has gone to sleep in between.",
	}
	for _, d := range p.designs() {
		err := d.perform(func(s *stage) error {
			latency, err := toWire(s, p.far, n, gap)
			if err != nil {
				return err
			}
			seen := newSample(latency, time.Second)
			t.row(d.name, micro(seen.quantile(.5)), micro(seen.quantile(.99)), micro(seen.quantile(1)), fmt.Sprint(len(latency)))
			return nil
		})
		if err != nil {
			return table{}, fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return t, nil
}

func toWire(s *stage, far, n int, gap time.Duration) ([]time.Duration, error) {
	capture, err := openCapture(far)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(capture) }()
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var latency []time.Duration
	for range n {
		asked := time.Now()
		if err := c.call(s.request()); err != nil {
			return nil, err
		}
		at, err := firstArrival(capture, asked)
		if err != nil {
			return nil, err
		}
		latency = append(latency, at.Sub(asked))
		time.Sleep(gap)
	}
	return latency, nil
}

// openCapture captures what arrives at an interface; the kernel stamps it (packet(7),
// SO_TIMESTAMPNS in socket(7)).
func openCapture(index int) (int, error) {
	const ipv4 = 0x0008 // ETH_P_IP in network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, ipv4)
	if err != nil {
		return 0, fmt.Errorf("open a packet socket: %w", err)
	}
	second := unix.Timeval{Sec: 1}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &second),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: index}))
	if err != nil {
		return 0, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// firstArrival returns when the first magic packet arrived that is not older than since.
// A wake may be several; the others are passed over the next time.
func firstArrival(capture int, since time.Time) (time.Time, error) {
	const headers = 20 + 8 // of IPv4 and UDP
	data, control := make([]byte, 256), make([]byte, 128)
	for {
		length, controlled, _, _, err := unix.Recvmsg(capture, data, control, 0)
		if err != nil {
			return time.Time{}, fmt.Errorf("no packet arrived: %w", err)
		}
		messages, err := unix.ParseSocketControlMessage(control[:controlled])
		if err != nil || len(messages) == 0 {
			return time.Time{}, errors.Join(errors.New("a packet came without its time"), err)
		}
		at, err := stamp(messages[0].Data)
		if err != nil {
			return time.Time{}, err
		}
		if !at.Before(since) && length == headers+magicpacket.Len {
			return at, nil
		}
	}
}

// stamp reads a struct timespec.
func stamp(data []byte) (time.Time, error) {
	if len(data) < 16 {
		return time.Time{}, errors.New("the kernel's timestamp has no 64 bits")
	}
	return time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:]))), nil
}
