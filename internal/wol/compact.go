package wol

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"io"
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
	seed, seen := maphash.MakeSeed(), map[uint64]int{}
	for i := range short.Receipts {
		r := &short.Receipts[i]
		key := r.hash(seed)
		first, found := seen[key]
		if !found || !r.listsAs(all.Receipts[first]) {
			seen[key], short.SameAs[i] = i, i
			continue
		}
		short.SameAs[i] = first
		r.Sent, r.Failed = []Delivery{}, []Failure{}
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
		for _, f := range r.Failed {
			n += destination + len(f.Interface) + len(f.Destination) + len(f.Error)
		}
	}
	return n
}

// hash is equal for receipts of the same lists.
func (r *Receipt) hash(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, d := range r.Sent {
		maphash.WriteComparable(&h, d)
	}
	for _, f := range r.Failed {
		maphash.WriteComparable(&h, f)
	}
	return h.Sum64()
}

// listsAs reports whether both receipts have the same lists.
func (r *Receipt) listsAs(other Receipt) bool {
	return slices.Equal(r.Sent, other.Sent) && slices.Equal(r.Failed, other.Failed)
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
