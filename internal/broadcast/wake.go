package broadcast

import (
	"context"
	"errors"
	"slices"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
)

// Wake sends one packet per target to every destination; one that fails never
// stops the rest. The remaining copies follow on their own.
func (s *Sender) Wake(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
	now, err := s.survey()
	if err != nil {
		return nil, err
	}
	destinations, down, err := now.choose(req.Interface)
	if err != nil {
		return nil, err
	}
	packets, err := marshal(req.Targets)
	if err != nil {
		return nil, err
	}
	left := s.config.Repeat - 1
	reserved := len(packets) * len(destinations) * left
	if !s.copies.reserve(reserved) {
		return nil, &wol.Error{Kind: wol.RateLimited, RetryAfter: s.config.Interval, Message: "too many copies of earlier packets are still due: try again later, or raise --max-pps"}
	}
	silent := silentOnes(destinations) // before, because sending makes the kernel ask anew
	dropped := s.ipsec.last.Load()
	first := s.sendAll(ctx, packets, destinations)
	if first.failed > 0 {
		s.forget() // the survey did not know what made it fail
	}
	for d, err := range silent {
		first.overrule(d, nil, err)
	}
	s.ipsec.overrule(&first, dropped)
	if first.failed == len(first.errs) {
		s.copies.release(reserved)
		if first.tried == 0 {
			return nil, &wol.Error{Kind: wol.Timeout, Message: "the call's deadline passed before anything was sent: try again", Err: wol.Ended(ctx)}
		}
		return nil, nothingSent(slices.Concat(first.failures(0), down), first.unsure())
	}
	job := job{requestID: req.ID, parts: first.sent(), left: left}
	s.copies.release(reserved - job.packets()*left)
	s.copies.add(job)
	return first.receipts(req, down), nil
}

// round is one copy of every packet to every destination, and what came of it.
type round struct {
	packets      [][]byte
	destinations []destination
	errs         []error // see at; those of one destination are in a row
	tried        int     // packets that were tried before the call ended
	failed       int     // of errs
}

// at returns the index of errs for packet p to destination d.
func (r round) at(d, p int) int { return d*len(r.packets) + p }

// sendAll sends packets until ctx ends, in batches, so that every destination has
// had the first packets before the last ones leave.
func (s *Sender) sendAll(ctx context.Context, packets [][]byte, destinations []destination) round {
	r := round{packets: packets, destinations: destinations, errs: make([]error, len(packets)*len(destinations))}
	posts := make([]post, len(destinations))
	for batch := range slices.Chunk(packets, maxBatch) {
		if wol.Ended(ctx) != nil {
			break
		}
		for d, to := range destinations {
			posts[d] = post{to: to, packets: batch, failed: r.errs[r.at(d, r.tried):][:len(batch)]}
		}
		sendPosts(ctx, posts, s.config.Retry)
		r.tried += len(batch)
	}
	for d := range destinations {
		fill(r.errs[r.at(d, r.tried):r.at(d+1, 0)], context.DeadlineExceeded)
	}
	for _, err := range r.errs {
		if err != nil {
			r.failed++
		}
	}
	return r
}

// overrule puts now in place of was, such as of nil, for every packet to destination d.
func (r *round) overrule(d int, was, now error) {
	errs := r.errs[r.at(d, 0):r.at(d+1, 0)]
	for i, err := range errs {
		if !errors.Is(err, was) {
			continue
		}
		if err == nil {
			r.failed++
		}
		errs[i] = now
	}
}

// sent returns what was sent, for the copies. Failed sends are not repeated: the receipt
// has already reported them.
func (r round) sent() []part {
	parts := make([]part, 0, len(r.destinations))
	for d, to := range r.destinations {
		errs := r.errs[r.at(d, 0):r.at(d+1, 0)]
		packets := r.packets
		if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
			packets = nil
			for p, err := range errs {
				if err == nil {
					packets = append(packets, r.packets[p])
				}
			}
		}
		parts = append(parts, part{to: to, packets: packets})
	}
	return parts
}

// failures lists the destinations that packet p did not go to.
func (r round) failures(p int) (failed []wol.Failure) {
	for d, to := range r.destinations {
		if err := r.errs[r.at(d, p)]; err != nil {
			failed = append(failed, to.failure(err))
		}
	}
	return failed
}

// unsure reports whether a packet that failed may have been heard.
func (r round) unsure() bool {
	for d, to := range r.destinations {
		if slices.ContainsFunc(r.errs[r.at(d, 0):r.at(d+1, 0)], to.unsure) {
			return true
		}
	}
	return false
}

// receipts returns what was sent and what failed for every target; down counts as failed.
// All deliveries share one piece of memory.
func (r round) receipts(req wol.Request, down []wol.Failure) []wol.Receipt {
	receipts := make([]wol.Receipt, len(r.packets))
	deliveries := make([]wol.Delivery, 0, len(r.errs)-r.failed)
	for p, packet := range r.packets {
		start := len(deliveries)
		for d, to := range r.destinations {
			if r.errs[r.at(d, p)] == nil {
				deliveries = append(deliveries, wol.Delivery{Interface: to.iface, Destination: to.text, Bytes: len(packet)})
			}
		}
		failed := down
		if len(deliveries)-start < len(r.destinations) {
			failed = slices.Concat(r.failures(p), down)
		}
		receipts[p] = wol.NewReceipt(req.Targets[p].MAC, req.ID, slices.Clip(deliveries[start:]), failed)
	}
	return receipts
}

// marshal encodes all packets into one buffer.
func marshal(targets []wol.Target) ([][]byte, error) {
	buffer := make([]byte, 0, len(targets)*magicpacket.LenSecureOn)
	packets := make([][]byte, len(targets))
	for i, t := range targets {
		start := len(buffer)
		var err error
		buffer, err = magicpacket.Packet{Target: t.MAC, SecureOn: t.SecureOn.Bytes()}.AppendBinary(buffer)
		if err != nil {
			return nil, err
		}
		packets[i] = buffer[start:len(buffer):len(buffer)]
	}
	return packets, nil
}
