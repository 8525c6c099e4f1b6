package rtnetlink

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

func addBridge(name string) (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	l := &netlink.Bridge{LinkAttrs: attrs}
	return l, netlink.LinkAdd(l)
}

// So many links take several datagrams, and one more can come and go while they
// are read.
func TestAnInterruptedDumpIsReadAgain(t *testing.T) {
	const bridges = 100
	elsewhere(t, func(netns.NsHandle) error {
		for n := range bridges {
			if _, err := addBridge(fmt.Sprintf("br%d", n)); err != nil {
				return err
			}
		}
		for interruptions, want := range map[int]int{0: 1, 1: 2, 2: 3, 3: attempts, 10: attempts} {
			reads := 0
			parse := func(body []byte) []Link {
				links := parseLink(body)
				if links[0].Index != 1 { // Loopback, the first of every dump.
					return links
				}
				if reads++; reads <= interruptions {
					brief, err := addBridge("brief")
					if err = errors.Join(err, netlink.LinkDel(brief)); err != nil {
						t.Error(err)
					}
				}
				return links
			}
			links, err := dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, encode(unix.IfInfomsg{}), math.MaxInt, parse)
			if err != nil {
				return err
			}
			if reads != want || len(links) != bridges+1 {
				t.Errorf("%d interruptions: read %d times, %d links", interruptions, reads, len(links))
			}
		}
		return nil
	})
}

func TestADumpIsBounded(t *testing.T) {
	elsewhere(t, func(netns.NsHandle) error {
		for n := range 10 {
			if _, err := addBridge(fmt.Sprintf("br%d", n)); err != nil {
				return err
			}
		}
		parsed := 0
		twice := func(body []byte) []Link {
			parsed++
			return append(parseLink(body), parseLink(body)...)
		}
		links, err := dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, encode(unix.IfInfomsg{}), 5, twice)
		if len(links) != 5 || parsed != 3 {
			t.Errorf("got %d links from %d messages", len(links), parsed)
		}
		return err
	})
}
