package wol

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"io"
	"iter"
	"slices"
)

// Within returns receipts whose JSON has at most that many bytes, about, or as few as
// possible: what fails for an interface fails for every target, and a thousand copies of
// the list take many megabytes on a host with many interfaces. It changes nothing in all.
func (all Receipts) Within(most int) Receipts {
	if all.size() <= most {
		return all
	}
	short := all
	short.SameAs = make([]int, len(all.Receipts))
	short.Receipts = slices.Clone(all.Receipts)
	type lists struct{ sent, failed uint64 }
	seed, seen := maphash.MakeSeed(), map[lists]int{}
	var before Receipt
	var key lists
	for i, r := range all.Receipts {
		if !shared(r.Sent, before.Sent) {
			key.sent = hash(seed, r.Sent)
		}
		if !shared(r.Failed, before.Failed) {
			key.failed = hash(seed, r.Failed)
		}
		before = r
		first, found := seen[key]
		if !found || !same(r.Sent, all.Receipts[first].Sent) || !same(r.Failed, all.Receipts[first].Failed) {
			seen[key], short.SameAs[i] = i, i
			continue
		}
		short.SameAs[i] = first
		short.Receipts[i].Sent, short.Receipts[i].Failed = []Delivery{}, []Failure{}
	}
	return short
}

// size estimates how many bytes all takes as JSON.
func (all Receipts) size() int {
	const receipt, destination = 160, 60 // without the texts of a destination
	n := receipt * len(all.Receipts)
	for _, r := range all.Receipts {
		for _, d := range r.Sent {
			n += destination + len(d.Interface) + len(d.Destination)
		}
	}
	for failed, alike := range FailedAlike(all.Receipts) {
		for _, f := range failed {
			n += alike * (destination + len(f.Interface) + len(f.Destination) + len(f.Error))
		}
	}
	return n
}

// FailedAlike yields the lists of what failed, each with how many receipts in a row have it:
// what fails for an interface is one list in memory for all targets, and is long on a host
// with many.
func FailedAlike(receipts []Receipt) iter.Seq2[[]Failure, int] {
	return func(yield func([]Failure, int) bool) {
		for rest := receipts; len(rest) > 0; {
			failed, alike := rest[0].Failed, 1
			for alike < len(rest) && shared(failed, rest[alike].Failed) {
				alike++
			}
			if !yield(failed, alike) {
				return
			}
			rest = rest[alike:]
		}
	}
}

// shared reports whether both lists are one in memory.
func shared[E any](a, b []E) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func same[E comparable](a, b []E) bool { return shared(a, b) || slices.Equal(a, b) }

// hash is equal for lists that are the same.
func hash[E comparable](seed maphash.Seed, list []E) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, e := range list {
		maphash.WriteComparable(&h, e)
	}
	return h.Sum64()
}

// JSON returns all as JSON that is made as it is read. In memory receipts share their
// lists; written out at once they would take many times as much.
func (all Receipts) JSON() io.Reader { return &encoder{all: all} }

// encoder writes the sum first and then receipt by receipt.
type encoder struct {
	all    Receipts
	begun  bool
	next   int // receipt
	buffer bytes.Buffer
}

// Read encodes as many receipts as make a chunk worth writing.
func (e *encoder) Read(p []byte) (int, error) {
	const chunk = 8 << 10
	for e.buffer.Len() < chunk && e.next <= len(e.all.Receipts) {
		if err := e.more(); err != nil {
			return 0, err
		}
	}
	return e.buffer.Read(p)
}

// more encodes what comes next: the beginning, a receipt, or the end.
func (e *encoder) more() error {
	const end = "]}"
	if !e.begun {
		sum := e.all
		sum.Receipts = []Receipt{}
		text, err := json.Marshal(sum)
		e.begun = true
		e.buffer.Write(bytes.TrimSuffix(text, []byte(end)))
		return err
	}
	if e.next == len(e.all.Receipts) {
		e.next++
		e.buffer.WriteString(end + "\n")
		return nil
	}
	if e.next > 0 {
		e.buffer.WriteByte(',')
	}
	text, err := json.Marshal(&e.all.Receipts[e.next])
	e.next++
	e.buffer.Write(text)
	return err
}
