package magicpacket

import "testing"

func BenchmarkAppendBinary(b *testing.B) {
	p, buffer := Packet{Target: target, SecureOn: []byte{1, 2, 3, 4, 5, 6}}, make([]byte, 0, LenSecureOn)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.AppendBinary(buffer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalBinary(b *testing.B) {
	for name, secureOn := range map[string][]byte{"plain": nil, "SecureOn": {1, 2, 3, 4, 5, 6}} {
		b.Run(name, func(b *testing.B) {
			wire, err := Packet{Target: target, SecureOn: secureOn}.MarshalBinary()
			if err != nil {
				b.Fatal(err)
			}
			var p Packet
			b.ReportAllocs()
			for b.Loop() {
				if err := p.UnmarshalBinary(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
