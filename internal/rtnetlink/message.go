package rtnetlink

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

var errMalformed = errors.New("the kernel's answer is malformed")

// message is one message of a datagram (netlink(7)). Its body begins with a
// header that depends on the type, such as an ifinfomsg, and goes on with
// attributes.
type message struct {
	unix.NlMsghdr
	body []byte
}

// messages takes a datagram apart. The bodies are parts of it.
func messages(datagram []byte) ([]message, error) {
	var all []message
	for rest := datagram; len(rest) > 0; {
		var m message
		if _, err := binary.Decode(rest, binary.NativeEndian, &m.NlMsghdr); err != nil {
			return nil, errMalformed
		}
		if m.Len < unix.SizeofNlMsghdr || uint64(m.Len) > uint64(len(rest)) {
			return nil, errMalformed
		}
		m.body = rest[unix.SizeofNlMsghdr:m.Len]
		all = append(all, m)
		rest = rest[min(align(int(m.Len)), len(rest)):]
	}
	return all, nil
}

// request is a message to the kernel.
func request(kind, flags uint16, body []byte) []byte {
	header := encode(unix.NlMsghdr{
		Len:   uint32(unix.SizeofNlMsghdr + len(body)),
		Type:  kind,
		Flags: unix.NLM_F_REQUEST | flags,
		Seq:   sequence,
	})
	return append(header, body...)
}

// encode lays out one of the kernel's structs. All of them are aligned.
func encode(header any) []byte {
	b, _ := binary.Append(nil, binary.NativeEndian, header) // It can only fail for what has no fixed size.
	return b
}

// outcome is the result of a request in an NLMSG_ERROR or NLMSG_DONE: both begin with
// zero or a negated errno. An NLMSG_DONE with an errno ends a dump that failed half-way.
func (m message) outcome() error {
	var code int32
	if _, err := binary.Decode(m.body, binary.NativeEndian, &code); err != nil {
		return errMalformed
	}
	if code < 0 {
		return unix.Errno(-code)
	}
	return nil
}
