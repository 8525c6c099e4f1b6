package wol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Receipts answers a request for many targets, in its order.
type Receipts struct {
	// OK is true when every target's packet left.
	OK bool `json:"ok" example:"true"`
	// Status is sent, or partial when anything failed.
	Status    Outcome `json:"status" swaggertype:"string" enums:"sent,partial" example:"partial"`
	RequestID string  `json:"request_id" example:"5f0c6f0e0c2d4b1f9a3e7d8c6b5a4f3e"`
	// SameAs is there only in an answer that would otherwise be large. Then what several
	// targets have in common is listed once: the lists sent and failed of receipt number n,
	// counted from 0, are those of receipt number same_as[n], and its own are empty where
	// that is another one.
	SameAs   []int     `json:"same_as,omitempty" example:"0"`
	Receipts []Receipt `json:"receipts"`
} // @name Receipts

// NewReceipts sums up receipts of which at least one is OK.
func NewReceipts(requestID string, receipts []Receipt) Receipts {
	sum := Receipts{OK: true, Status: Sent, RequestID: requestID, Receipts: receipts}
	for _, r := range receipts {
		sum.OK = sum.OK && r.OK
		if r.Status != Sent {
			sum.Status = Partial
		}
	}
	return sum
}

// ParseReceipts reads the answer to a request for many targets, as ParseReceipt does.
// Their sum must agree with them as well, and there are at most MaxTargets. Receipts whose lists are the same by SameAs share
// their memory, and SameAs is nil.
func ParseReceipts(text []byte) (Receipts, error) {
	type sum Receipts
	var read struct {
		sum
		Receipts few `json:"receipts"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return Receipts{}, err
	}
	all := Receipts(read.sum)
	all.Receipts = read.Receipts
	for i, r := range all.Receipts { // before many share a list, which may be long
		if err := r.checkSent(); err != nil {
			return Receipts{}, fmt.Errorf("receipt %d: %w", i+1, err)
		}
	}
	if err := all.expand(); err != nil {
		return Receipts{}, err
	}
	for i, r := range all.Receipts {
		var err error
		if all.Receipts[i], err = r.derived(); err != nil {
			return Receipts{}, fmt.Errorf("receipt %d: %w", i+1, err)
		}
	}
	if sum := NewReceipts(all.RequestID, all.Receipts); sum.OK != all.OK || sum.Status != all.Status {
		return Receipts{}, errors.New("the receipts contradict their sum")
	}
	return all, nil
}

// few is a list of receipts that is refused while it is read if it is too long: two bytes of
// JSON make a receipt of more than a hundred.
type few []Receipt

// UnmarshalJSON implements json.Unmarshaler.
func (f *few) UnmarshalJSON(text []byte) error {
	*f = nil
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin == nil { // null
		return err
	} else if begin != json.Delim('[') {
		return errors.New("receipts is not a list")
	}
	*f = few{}
	for d.More() {
		if len(*f) == MaxTargets {
			return fmt.Errorf("more than %d receipts", MaxTargets)
		}
		var r Receipt
		if err := d.Decode(&r); err != nil {
			return err
		}
		*f = append(*f, r)
	}
	return nil
}

// expand gives every receipt its lists.
func (all *Receipts) expand() error {
	if len(all.SameAs) != 0 && len(all.SameAs) != len(all.Receipts) {
		return errors.New("same_as does not name a receipt for each")
	}
	for i, first := range all.SameAs {
		r := &all.Receipts[i]
		if first == i {
			continue
		}
		if first < 0 || first > i || all.SameAs[first] != first || len(r.Sent)+len(r.Failed) > 0 {
			return fmt.Errorf("receipt %d has lists of its own, or those of none before it", i+1)
		}
		r.Sent, r.Failed = all.Receipts[first].Sent, all.Receipts[first].Failed
	}
	all.SameAs = nil
	return nil
}
