package wol_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/wol"
)

// TestReceiptsListOnceWhatTheyShare writes receipts with two kinds of lists, which differ in
// what was sent alone, and reads them back.
func TestReceiptsListOnceWhatTheyShare(t *testing.T) {
	t.Parallel()
	var receipts []wol.Receipt
	for n := range 100 {
		mac := wol.MAC{2, 0, 0, 0, 0, byte(n)}
		sent := []wol.Delivery{{Interface: "eth0", Destination: "192.168.1.255:9", Bytes: 102}}
		if n%3 == 1 {
			sent[0].Bytes = 108
		}
		failed := []wol.Failure{{Interface: "eth1", Destination: "10.0.0.255:9", Error: "no carrier"}}
		receipts = append(receipts, wol.NewReceipt(mac, "r", sent, failed))
	}
	want := wol.NewReceipts("r", receipts)
	for most, times := range map[int]int{1 << 20: 100, 1 << 10: 2} {
		text, err := io.ReadAll(want.Within(most).JSON())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), "no carrier"); got != times || !strings.HasSuffix(string(text), "}\n") {
			t.Errorf("within %d bytes it is said %d times, want %d: %.400s", most, got, times, text)
		}
		got, err := wol.ParseReceipts(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("within %d bytes (-want +got):\n%s", most, diff)
		}
	}
}

// TestReceiptsOfNone: the JSON is whole, however few receipts there are.
func TestReceiptsOfNone(t *testing.T) {
	t.Parallel()
	text, err := io.ReadAll(wol.NewReceipts("r", nil).JSON())
	if want := `{"ok":true,"status":"sent","request_id":"r","receipts":[]}` + "\n"; err != nil || string(text) != want {
		t.Errorf("%v: %s, want %s", err, text, want)
	}
}

func TestSameAsNamesAReceiptBefore(t *testing.T) {
	t.Parallel()
	const first = `{"ok":true,"status":"sent","mac_addr":"02:11:22:33:44:55","sent":[{"destination":"x","bytes":102}]}`
	const empty = `{"ok":true,"status":"sent","mac_addr":"02:11:22:33:44:56","sent":[],"failed":[]}`
	for sameAs, receipts := range map[string]string{
		"[0,0]":   first + "," + first, // has lists of its own
		"[0]":     first + "," + empty,
		"[0,2]":   first + "," + empty,
		"[0,-1]":  first + "," + empty,
		"[1,1]":   empty + "," + first,
		"[0,0,1]": first + "," + empty + "," + empty, // a chain
		"[0,1]":   first + "," + empty,               // sent to nowhere
	} {
		text := fmt.Sprintf(`{"ok":true,"status":"sent","same_as":%s,"receipts":[%s]}`, sameAs, receipts)
		if got, err := wol.ParseReceipts([]byte(text)); err == nil {
			t.Errorf("%s: %+v", sameAs, got)
		}
	}
}

// TestReceiptsAreCountedAsTheyAreRead: what answers on the socket may not be the daemon, and
// two bytes of JSON make a receipt of more than a hundred.
func TestReceiptsAreCountedAsTheyAreRead(t *testing.T) {
	text := []byte(`{"ok":true,"status":"sent","receipts":[` + strings.Repeat("{},", 1<<20) + `{}]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := wol.ParseReceipts(text)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 4<<20 {
		t.Errorf("%v, after %d MiB", err, took>>20)
	}
}

func TestFailedAlikeCountsReceiptsThatShareAList(t *testing.T) {
	t.Parallel()
	a, b := []wol.Failure{{Error: "a"}}, []wol.Failure{{Error: "b"}}
	var got []string
	for failed, alike := range wol.FailedAlike([]wol.Receipt{{Failed: a}, {Failed: a}, {}, {Failed: b}, {Failed: a}}) {
		got = append(got, fmt.Sprint(failed, alike))
	}
	want := []string{fmt.Sprint(a, 2), "[] 1", fmt.Sprint(b, 1), fmt.Sprint(a, 1)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
