package wol

import (
	"encoding/json"
	"errors"
)

// Receipt says what left this host for one target. Build it with NewReceipt.
type Receipt struct {
	OK        bool       `json:"ok" example:"true"`
	Status    Outcome    `json:"status" swaggertype:"string" enums:"sent,partial,failed" example:"partial"`
	MAC       MAC        `json:"mac_addr" swaggertype:"string" example:"02:11:22:33:44:55"`
	RequestID string     `json:"request_id" example:"5f0c6f0e0c2d4b1f9a3e7d8c6b5a4f3e"`
	Sent      []Delivery `json:"sent"`
	Failed    []Failure  `json:"failed"`
} // @name Receipt

// Delivery is a packet that the kernel accepted.
type Delivery struct {
	Interface   string `json:"interface,omitempty" example:"eth0"` // empty where the routing table chose
	Destination string `json:"destination" example:"192.168.1.255:9"`
	Bytes       int    `json:"bytes" example:"102"`
} // @name Delivery

// Failure is a destination that no packet reached, and why.
type Failure struct {
	Interface   string `json:"interface,omitempty" example:"eth1"`
	Destination string `json:"destination" example:"10.0.0.255:9"`
	Error       string `json:"error" example:"network is down"`
	// Code is for programs in the sender's process; it is not part of the answer.
	Code FailureCode `json:"-"`
} // @name Failure

// FailureCode names a cause that a program looks for. Most have none.
type FailureCode string

// The causes.
const (
	FirewallRefused FailureCode = "firewall_refused" // a rule of this host's output
	QueueFull       FailureCode = "queue_full"       // or an egress rule, which looks the same
	IPsecDropped    FailureCode = "ipsec_dropped"    // by a policy of this host
)

// NewReceipt derives the status from what was sent and what failed.
func NewReceipt(mac MAC, requestID string, sent []Delivery, failed []Failure) Receipt {
	r := Receipt{OK: true, Status: Sent, MAC: mac, RequestID: requestID, Sent: sent, Failed: failed}
	switch {
	case len(sent) == 0:
		r.OK, r.Status = false, Failed
	case len(failed) > 0:
		r.Status = Partial
	}
	if r.Sent == nil {
		r.Sent = []Delivery{} // an empty list in JSON, not null
	}
	if r.Failed == nil {
		r.Failed = []Failure{}
	}
	return r
}

// ParseReceipt reads the answer to a request for one target. The error says what is
// wrong with it: beside what is no JSON, a receipt without a target, and one whose
// verdict its own lists contradict.
func ParseReceipt(text []byte) (Receipt, error) {
	var r Receipt
	if err := json.Unmarshal(text, &r); err != nil {
		return Receipt{}, err
	}
	if err := r.checkSent(); err != nil {
		return Receipt{}, err
	}
	return r.derived()
}

// derived returns r as NewReceipt makes it, if that is what it says.
func (r Receipt) derived() (Receipt, error) {
	if r.MAC == (MAC{}) {
		return Receipt{}, errors.New("receipt names no target")
	}
	derived := NewReceipt(r.MAC, r.RequestID, r.Sent, r.Failed)
	if r.OK != derived.OK || r.Status != derived.Status {
		return Receipt{}, errors.New("receipt contradicts itself")
	}
	return derived, nil
}

// checkSent returns an error where r lists as sent what cannot have been.
func (r Receipt) checkSent() error {
	for _, d := range r.Sent {
		if d.Destination == "" || d.Bytes != 102 && d.Bytes != 106 && d.Bytes != 108 {
			return errors.New("receipt names a delivery to nowhere, or of something else than a magic packet")
		}
	}
	return nil
}
