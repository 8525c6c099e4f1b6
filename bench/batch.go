package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"wolgate/internal/broadcast"
	"wolgate/internal/wol"
)

// measureBatch sends to 1,000 targets a call: by both programs, by the sender alone,
// and by nothing but sendmmsg(2).
func measureBatch(p plan) (table, error) {
	all := []contender{{"wolgate, one call after the other", batchCalls(p.bin)}}
	if p.base != "" {
		all = append(all, contender{"wolgate before", batchCalls(p.base)})
	}
	all = append(all, contender{"the sender alone", batchSender}, contender{"a loop of sendmmsg(2)", sendmmsgLoop})
	seen, err := p.takeTurns(all)
	if err != nil {
		return table{}, err
	}
	bare := seen[len(seen)-1]
	t := table{
		title: "1,000 targets a call",
		head:  []string{"sent by", "packets/s", "to the bare loop"},
		note:  "The sender has two destinations on the LAN, hence 2,000 packets a call; the bare loop sends 1,000 a system call to one.",
	}
	for i, c := range all {
		rates, ratios := make([]float64, p.rounds), make([]float64, p.rounds)
		for round, one := range seen[i] {
			rates[round], ratios[round] = one.perSecond, one.perSecond/bare[round].perSecond
		}
		t.row(c.name, whole(median(rates)), ratio(ratios))
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

func batchCalls(bin string) func(time.Duration) (sample, error) {
	return func(span time.Duration) (packets sample, err error) {
		body, err := json.Marshal(wol.Request{Targets: targets()}.Body())
		if err != nil {
			return sample{}, err
		}
		err = byInterface(bin).perform(func(s *stage) error {
			request := fmt.Appendf(nil, "POST /api/v1/wol HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", gatewayAddress, s.key, len(body), body)
			seen, err := closedLoop(request, 1, span)
			packets.perSecond = seen.perSecond * perCall
			return err
		})
		return packets, err
	}
}

func batchSender(span time.Duration) (packets sample, err error) {
	only, err := broadcast.ParseNames(nearEnd)
	if err != nil {
		return sample{}, err
	}
	sender := broadcast.New(broadcast.Config{Selection: broadcast.Selection{Only: only}, Port: wakePort, Repeat: 1}, slog.New(slog.DiscardHandler))
	defer func() { _ = sender.Close(0) }()
	request := wol.Request{ID: "bench", Targets: targets()}
	if sender.Packets("") != perCall/wol.MaxTargets {
		return sample{}, fmt.Errorf("it has %d destinations", sender.Packets(""))
	}
	calls, begun := 0, time.Now()
	for ; time.Since(begun) < span; calls++ {
		if _, err := sender.Wake(context.Background(), request); err != nil {
			return sample{}, err
		}
	}
	return sample{perSecond: float64(calls*perCall) / time.Since(begun).Seconds()}, nil
}
