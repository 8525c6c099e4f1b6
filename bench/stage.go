package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"wolgate/internal/wol"
)

const (
	gatewayAddress = "127.0.0.1:8080"
	patience       = 10 * time.Second // for what must happen
)

// stage is where one design runs: its processes, and the files that they share.
type stage struct {
	dir, bin, socket, keys string
	key                    string
	running                []*exec.Cmd
}

// perform starts a design, waits until it wakes, and ends it when f has returned.
func (d design) perform(f func(s *stage) error) error {
	s, err := newStage(d.bin)
	if err != nil {
		return err
	}
	defer s.end()
	if err := d.start(s); err != nil {
		return err
	}
	if err := s.awaitWake(); err != nil {
		return err
	}
	return f(s)
}

func newStage(bin string) (*stage, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, bin: bin, socket: filepath.Join(dir, "s"), keys: filepath.Join(dir, "keys.json")}
	key, err := exec.Command(filepath.Join(bin, "api-server"), "keys", "add", "bench", "--scope", "wake", "--keys", s.keys).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.key = strings.TrimSpace(string(key))
	return s, nil
}

// daemon starts wol-server; where says where packets go.
func (s *stage) daemon(where ...string) error {
	return s.run(filepath.Join(s.bin, "wol-server"), append(where, "--socket", s.socket, "--repeat", "1", "--max-pps", "1000000")...)
}

func (s *stage) gateway() error {
	return s.run(filepath.Join(s.bin, "api-server"), "--wol-socket", s.socket, "--keys", s.keys, "--listen", gatewayAddress, "--rate", "0")
}

// self starts this program as a stand-in.
func (s *stage) self(role string) error { return s.run("/proc/self/exe", role, s.socket) }

// run starts a program. Its log is discarded: formatting a line is part of a wake, what a
// disk does with it is not.
func (s *stage) run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = []string{}                                               // no setting of the user's is measured
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it must not outlive us
	if err := cmd.Start(); err != nil {
		return err
	}
	s.running = append(s.running, cmd)
	return nil
}

func (s *stage) end() {
	for _, cmd := range s.running {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	_ = os.RemoveAll(s.dir)
}

// request is one wake as it goes over the wire.
func (s *stage) request() []byte {
	return fmt.Appendf(nil, "POST /api/v1/wol/%v HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\n\r\n", target(1), gatewayAddress, s.key)
}

func target(n int) wol.MAC { return wol.MAC{0x02, 0, 0, 0, byte(n >> 8), byte(n)} }

func (s *stage) awaitWake() error {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		err := s.wakeOnce()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

func (s *stage) wakeOnce() error {
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.Close()
	return c.call(s.request())
}
