package wol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"wolgate/internal/strictjson"
)

// Options is the optional body of a request for one target.
type Options struct {
	// SecureOn is 8 or 12 hex digits, such as c0a80107aabb; empty for none.
	SecureOn string `json:"secureon,omitempty" example:""`
	// Interface is one of the daemon's eligible interfaces; empty for all.
	Interface string `json:"interface,omitempty" example:""`
} // @name WakeOptions

// Targets is the body of a request for many targets.
type Targets struct {
	Targets []TargetText `json:"targets" validate:"required,min=1,max=1000"`
	// Interface is one of the daemon's eligible interfaces; empty for all.
	Interface string `json:"interface,omitempty" example:""`
} // @name WakeTargets

// TargetText is one entry of Targets.
type TargetText struct {
	MAC string `json:"mac_addr" validate:"required" example:"02:11:22:33:44:55"`
	// SecureOn is 8 or 12 hex digits, such as c0a80107aabb; empty for none.
	SecureOn string `json:"secureon,omitempty" example:""`
} // @name WakeTarget

// ParseOptions reads a request for one target: its MAC from the path, the rest
// from a JSON body that may be empty. The error is an *Error of kind Invalid.
func ParseOptions(mac string, body []byte) (Request, error) {
	var o Options
	if len(body) > 0 {
		var decoded Options // on the heap, unlike o
		if err := decode(body, &decoded); err != nil {
			return Request{}, err
		}
		o = decoded
	}
	target, err := TargetText{MAC: mac, SecureOn: o.SecureOn}.parse()
	if err != nil {
		return Request{}, err
	}
	return Request{Interface: o.Interface, Targets: []Target{target}}, nil
}

// ParseTargets reads a request for 1 to MaxTargets targets. One bad entry
// refuses them all. The error is an *Error of kind Invalid that names the
// entry by its position, counted from 1.
func ParseTargets(body []byte) (Request, error) {
	var t Targets
	if err := decode(body, &t); err != nil {
		return Request{}, err
	}
	if len(t.Targets) == 0 || len(t.Targets) > MaxTargets {
		return Request{}, &Error{Kind: Invalid, Message: fmt.Sprintf("targets must list 1 to %d entries", MaxTargets)}
	}
	req := Request{Interface: t.Interface, Targets: make([]Target, len(t.Targets))}
	for i, text := range t.Targets {
		target, err := text.parse()
		if err != nil {
			if e, ok := errors.AsType[*Error](err); ok {
				return Request{}, &Error{Kind: Invalid, Message: fmt.Sprintf("target %d of the list: %s", i+1, e.Message)}
			}
			return Request{}, err
		}
		req.Targets[i] = target
	}
	return req, nil
}

// Body returns the JSON that ParseTargets reads back as req, its ID apart.
func (req Request) Body() Targets {
	t := Targets{Interface: req.Interface, Targets: make([]TargetText, len(req.Targets))}
	for i, target := range req.Targets {
		t.Targets[i] = TargetText{MAC: target.MAC.String(), SecureOn: target.SecureOn.Reveal()}
	}
	return t
}

func (t TargetText) parse() (Target, error) {
	mac, err := ParseMAC(t.MAC)
	if err != nil {
		return Target{}, err
	}
	target := Target{MAC: mac}
	if t.SecureOn != "" {
		if target.SecureOn, err = ParseSecureOn(t.SecureOn); err != nil {
			return Target{}, err
		}
	}
	return target, nil
}

// decode reads a body strictly: where two readers could see two requests, nothing is
// sent.
func decode(body []byte, into any) error {
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // a byte order mark (RFC 8259 section 8.1)
	if err := strictjson.Decode(body, into); err != nil {
		return &Error{Kind: Invalid, Message: "the body is not the JSON object that this route takes: " + cause(body, err)}
	}
	return nil
}

// cause says what is wrong with a body, and quotes nothing of it.
func cause(body []byte, err error) string {
	if len(body) > 1 && (body[0] == 0 || body[1] == 0 || body[0] >= 0xfe) { // as no JSON in UTF-8 begins
		return "it is UTF-16: send it as UTF-8"
	}
	if len(body) == 0 {
		return "it is empty"
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("it is not valid JSON from byte %d on", e.Offset)
	}
	if e, ok := errors.AsType[strictjson.UnknownFieldError](err); ok {
		return "it has an unknown field: the fields are " + e.Known
	}
	return err.Error()
}
