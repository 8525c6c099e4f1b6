package lantest

import (
	"encoding/binary"
	"io"
)

// A capture file in the classic format of libpcap: a header, and another one
// before each frame.
const (
	pcapNanoseconds = 0xa1b23c4d // The magic number also tells the byte order.
	pcapMajor       = 2
	pcapMinor       = 4
	pcapMaxFrameLen = 1 << 16
	pcapEthernet    = 1
)

// WritePcap writes frames so that tcpdump, Wireshark and tshark can read them.
func WritePcap(w io.Writer, frames []Frame) error {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, pcapNanoseconds)
	b = le.AppendUint16(b, pcapMajor)
	b = le.AppendUint16(b, pcapMinor)
	b = le.AppendUint64(b, 0) // All times are UTC; nothing is said about their accuracy.
	b = le.AppendUint32(b, pcapMaxFrameLen)
	b = le.AppendUint32(b, pcapEthernet)
	for _, f := range frames {
		b = le.AppendUint32(b, uint32(f.Time.Unix()))
		b = le.AppendUint32(b, uint32(f.Time.Nanosecond()))
		b = le.AppendUint32(b, uint32(len(f.Raw)))
		b = le.AppendUint32(b, uint32(f.Length))
		b = append(b, f.Raw...)
	}
	_, err := w.Write(b)
	return err
}
