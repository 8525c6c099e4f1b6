package broadcast

import (
	"slices"
	"testing"
	"time"

	"wolgate/internal/lantest"
)

func TestMain(m *testing.M) { lantest.Main(m) }

// TestInterfacesAreFollowedWithoutBeingTold takes away what tells of changes, and
// changes an address: reading again finds it within a second.
func TestInterfacesAreFollowedWithoutBeingTold(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.90.0.1/24")
	s := open(t, Config{Port: 9, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	if err := s.watch.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.followed
	s.watch, s.believed = nil, untold

	reaches := func(to string) bool {
		t.Helper()
		now, err := s.survey()
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(now.destinations, func(d destination) bool { return d.text == to })
	}
	if !reaches("10.90.0.255:9") {
		t.Fatal("no packet would go to the first address's broadcast")
	}
	lan.AddAddress("10.91.0.1/24")
	for began := time.Now(); !reaches("10.91.0.255:9"); {
		if time.Since(began) > time.Second {
			t.Fatal("the second address is not known after a second")
		}
	}
}

// TestAChangeIsSeenBeforeTheNextCall reads the interfaces once and changes them:
// whoever asks afterwards is not told what was.
func TestAChangeIsSeenBeforeTheNextCall(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.90.0.1/24")
	s := open(t, Config{Port: 9, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	for range 20 {
		for _, change := range []func(){lan.Down, lan.Up} {
			if _, err := s.survey(); err != nil {
				t.Fatal(err)
			}
			change()
			for began := time.Now(); ; {
				s.mu.Lock()
				forgotten := s.last.taken.IsZero()
				s.mu.Unlock()
				if forgotten {
					break
				}
				if time.Since(began) > untold { // reading again is not what is tested here
					t.Fatal("the kernel's word of a change did not arrive")
				}
				time.Sleep(time.Millisecond) // between two looks
			}
		}
	}
}
