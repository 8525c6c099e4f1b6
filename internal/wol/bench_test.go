package wol_test

import (
	"encoding/json"
	"testing"

	"wolgate/internal/wol"
)

func BenchmarkParseMAC(b *testing.B) {
	for _, text := range []string{"02:11:22:33:44:55", "02-11-22-33-44-55", "0211.2233.4455", "021122334455"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wol.ParseMAC(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReceipt(b *testing.B) {
	receipt := wol.NewReceipt(wol.MAC{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}, "5f0c6f0e0c2d4b1f9a3e7d8c6b5a4f3e", []wol.Delivery{
		{Interface: "eth0", Destination: "192.168.1.255:9", Bytes: 102},
		{Interface: "eth0", Destination: "255.255.255.255:9", Bytes: 102},
	}, nil)
	text, err := json.Marshal(receipt)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(receipt); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := wol.ParseReceipt(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseTargets(b *testing.B) {
	text, err := json.Marshal(wol.Request{Targets: []wol.Target{{MAC: wol.MAC{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}}}}.Body())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wol.ParseTargets(text); err != nil {
			b.Fatal(err)
		}
	}
}
