package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/policy"
	"wolgate/internal/wol"
)

// FuzzAllowList: a list that is accepted has addresses of network cards only,
// each of them written in the text outside of a comment, and is the same when
// it is written again.
func FuzzAllowList(f *testing.F) {
	f.Add([]byte("02:11:22:33:44:55\n"))
	f.Add([]byte("# mine\r\nAA-BB-CC-DD-EE-FE # desktop\r\n\r\naabb.ccdd.eefe\n021122334455"))
	f.Add([]byte("\ufeff02:11:22:33:44:55"))
	f.Add([]byte("#02:11:22:33:44:55\n"))
	f.Add([]byte("ff:ff:ff:ff:ff:ff\n"))
	f.Add([]byte("02:11:22:33:44:55 02:11:22:33:44:56\n"))
	f.Add([]byte("02:11:22:33:44:55\x00\n\xff"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := policy.ParseAllowList(text)
		if err != nil {
			if list != nil {
				t.Fatalf("%v, and a list: %v", err, list)
			}
			return
		}
		if len(list) == 0 || len(list) > 1+strings.Count(string(text), "\n") {
			t.Fatalf("%d targets of %q", len(list), text)
		}
		outside := strings.NewReplacer(":", "", "-", "", ".", "")
		var plain strings.Builder
		for line := range strings.Lines(string(text)) {
			entry, _, _ := strings.Cut(line, "#")
			plain.WriteString(strings.ToLower(outside.Replace(entry)) + "\n")
		}
		var again strings.Builder
		for mac := range list {
			if mac == (wol.MAC{}) || mac[0]&1 != 0 {
				t.Fatalf("%v is no card's address", mac)
			}
			if !strings.Contains(plain.String(), strings.ReplaceAll(mac.String(), ":", "")) {
				t.Fatalf("%v is not in %q", mac, text)
			}
			again.WriteString(mac.String() + "\n")
		}
		back, err := policy.ParseAllowList([]byte(again.String()))
		if diff := cmp.Diff(list, back); err != nil || diff != "" {
			t.Fatalf("written and read back: %v (-want +got):\n%s", err, diff)
		}
	})
}
