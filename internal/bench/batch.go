package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/net/ipv4"

	"wolgate/internal/broadcast"
	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
)

// measureBatch sends to 1,000 targets a call: by both programs, by the sender alone,
// and by nothing but sendmmsg(2).
func measureBatch(p plan, _ lan) (table, error) {
	ways := []struct {
		name string
		send func(span time.Duration) (packets float64, err error)
	}{
		{"wolgate, one call after the other", func(span time.Duration) (float64, error) { return p.batchCalls(span) }},
		{"the sender alone", batchSender},
		{"a loop of sendmmsg(2)", sendmmsgLoop},
	}
	rates := make([][]float64, len(ways))
	for range p.rounds {
		for i, way := range ways {
			perSecond, err := way.send(p.span)
			if err != nil {
				return table{}, fmt.Errorf("%s: %w", way.name, err)
			}
			rates[i] = append(rates[i], perSecond)
		}
	}
	t := table{
		title: "1,000 targets a call",
		head:  []string{"sent by", "packets/s", "to the bare loop"},
		note:  "The sender has two destinations on the LAN, hence 2,000 packets a call; the bare loop sends 1,000 a system call to one.",
	}
	for i, way := range ways {
		ratios := make([]float64, p.rounds)
		for round := range ratios {
			ratios[round] = rates[i][round] / rates[2][round]
		}
		t.row(way.name, whole(median(rates[i])), ratio(ratios))
	}
	return t, nil
}

// perCall is how many packets wolgate sends for so many targets on this LAN: one to
// the broadcast of the subnet and one to 255.255.255.255.
const perCall = 2 * wol.MaxTargets

func targets() []wol.Target {
	all := make([]wol.Target, wol.MaxTargets)
	for i := range all {
		all[i].MAC = target(i + 1)
	}
	return all
}

func (p plan) batchCalls(span time.Duration) (packets float64, err error) {
	body, err := json.Marshal(wol.Request{Targets: targets()}.Body())
	if err != nil {
		return 0, err
	}
	err = p.perform(byInterface(), func(s *stage) error {
		request := fmt.Appendf(nil, "POST /api/v1/wol HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", gatewayAddress, s.key, len(body), body)
		seen, err := closedLoop(request, 1, span)
		packets = seen.perSecond * perCall
		return err
	})
	return packets, err
}

func batchSender(span time.Duration) (packets float64, err error) {
	only, err := broadcast.ParseNames(nearEnd)
	if err != nil {
		return 0, err
	}
	sender := broadcast.New(broadcast.Config{Selection: broadcast.Selection{Only: only}, Port: wakePort, Repeat: 1}, slog.New(slog.DiscardHandler))
	defer func() { _ = sender.Close(0) }()
	request := wol.Request{ID: "bench", Targets: targets()}
	if sender.Packets("") != perCall/wol.MaxTargets {
		return 0, fmt.Errorf("it has %d destinations", sender.Packets(""))
	}
	calls, begun := 0, time.Now()
	for ; time.Since(begun) < span; calls++ {
		if _, err := sender.Wake(context.Background(), request); err != nil {
			return 0, err
		}
	}
	return float64(calls*perCall) / time.Since(begun).Seconds(), nil
}

func sendmmsgLoop(span time.Duration) (packets float64, err error) {
	c, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	to := &net.UDPAddr{IP: net.ParseIP(lanBroadcast), Port: wakePort}
	messages := make([]ipv4.Message, wol.MaxTargets)
	for i := range messages {
		packet, err := packetFor(i + 1)
		if err != nil {
			return 0, err
		}
		messages[i] = ipv4.Message{Buffers: [][]byte{packet}, Addr: to}
	}
	conn, sent, begun := ipv4.NewPacketConn(c), 0, time.Now()
	for time.Since(begun) < span {
		n, err := conn.WriteBatch(messages, 0)
		if err != nil {
			return 0, err
		}
		sent += n
	}
	return float64(sent) / time.Since(begun).Seconds(), nil
}

func packetFor(n int) ([]byte, error) {
	return magicpacket.Packet{Target: target(n)}.MarshalBinary()
}
