package wolserver

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"wolgate/internal/broadcast"
	"wolgate/internal/logs"
	"wolgate/internal/program"
	"wolgate/internal/unixsock"
)

// Config is the daemon's configuration after it has been checked.
type Config struct {
	Socket    string
	AllowUIDs []uint32
	Broadcast broadcast.Config
	Allow     string // path of the allow-list; empty allows any target
	MaxPPS    int    // magic packets per second over all callers
	Log       logs.Config

	ReadTimeout time.Duration // that a client has for its whole request; no setting
}

// overflowUID is the uid that the kernel shows for every peer of another user namespace
// (user_namespaces(7)); it identifies no one.
const overflowUID = 65534

func settings(c *Config, destinations *string) *program.Settings {
	s := program.NewSettings("WOL_")
	b := &c.Broadcast
	s.Add("socket", "/var/run/wol-server/wol-server.sock", "Unix socket to serve", path(&c.Socket))
	s.Add("interfaces", "", "interfaces to send on, names or globs with commas; empty = all eligible", names(&b.Selection.Only))
	s.Add("exclude-interfaces", broadcast.DefaultExcept, "interfaces never to send on, unless --interfaces names them", names(&b.Selection.Except))
	s.Add("destinations", "", "ip or ip:port with commas; replaces the broadcasts of the interfaces", program.Text(destinations))
	var port int
	s.Add("port", "9", "UDP port where a destination names none", func(text string) error {
		err := program.Number(&port, 1, 65535)(text)
		b.Port = uint16(port)
		return err
	})
	s.Add("repeat", "3", "copies of each packet", program.Number(&b.Repeat, 1, 20))
	s.Add("repeat-interval", "300ms", "gap between the copies", program.Duration(&b.Interval, time.Millisecond, 10*time.Second))
	s.AddBool("ipv6", false, "also send to ff02::1 on each interface", &b.IPv6)
	s.AddBool("raw", false, "also send a frame of EtherType 0x0842 on each interface (needs CAP_NET_RAW)", &b.Raw)
	s.Add("allow", "", "file with one allowed MAC a line, # comments; empty = any", program.Text(&c.Allow))
	s.Add("max-pps", "2000", "magic packets per second over all callers", program.Number(&c.MaxPPS, 1, 1_000_000))
	s.Add("allow-uids", "", "peer uids that may connect, with commas, besides the daemon's own; empty = anyone whom the socket's mode admits", uids(&c.AllowUIDs))
	s.AddLog(&c.Log)
	return s
}

// Load reads flags and environment. Errors and warnings are single lines for the
// operator; the error is a program.ConfigError or flag.ErrHelp.
func Load(args, environ []string) (Config, []string, error) {
	return load(args, environ, func(*program.Settings) {})
}

// load is Load with the flags that a verb adds.
func load(args, environ []string, add func(*program.Settings)) (c Config, warnings []string, err error) {
	var destinations string
	s := settings(&c, &destinations)
	add(s)
	warnings, err = s.Load(args, environ)
	if err != nil {
		return Config{}, nil, err
	}
	// After the other settings, because --port stands in for missing ports.
	c.Broadcast.Destinations, err = broadcast.ParseDestinations(destinations, c.Broadcast.Port)
	if err != nil {
		return Config{}, nil, program.ConfigError{Err: fmt.Errorf("--destinations (WOL_DESTINATIONS): %w", err)}
	}
	if len(c.Broadcast.Destinations) > 0 && (c.Broadcast.IPv6 || c.Broadcast.Raw) {
		warnings = append(warnings, "--ipv6 and --raw do nothing beside --destinations, which replaces all that is sent by interfaces")
	}
	c.ReadTimeout = 5 * time.Second
	return c, warnings, nil
}

func path(into *string) func(string) error {
	return func(text string) error {
		*into = text
		return unixsock.CheckPath(text)
	}
}

func names(into *broadcast.Names) func(string) error {
	return func(text string) (err error) {
		*into, err = broadcast.ParseNames(text)
		return err
	}
}

func uids(into *[]uint32) func(string) error {
	return func(text string) error {
		*into = nil
		if text == "" {
			return nil
		}
		for field := range strings.SplitSeq(text, ",") {
			uid, err := strconv.ParseUint(strings.TrimSpace(field), 10, 32)
			if err != nil {
				return fmt.Errorf("holds %q: write numeric uids with commas, such as 0,65532", field)
			}
			if uid == math.MaxUint32 {
				return errors.New("holds 4294967295, which is no user (chown(2)): name the uid itself")
			}
			if uid == overflowUID {
				return errors.New("holds 65534, which stands for every user of another user namespace: name the uid itself")
			}
			*into = append(*into, uint32(uid))
		}
		return nil
	}
}
