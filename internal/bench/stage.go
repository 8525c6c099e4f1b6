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
	bin, socket, keys string
	key               string
	running           []*exec.Cmd
	said              string // directory for what the processes log, or "" for nowhere
}

func programsBeside() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(self)
	for _, name := range []string{"wol-server", "api-server"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("%w: build all three into one directory, as make bench does", err)
		}
	}
	return dir, nil
}

// perform starts a design, waits until it wakes, and ends it when f has returned.
func (p plan) perform(d design, f func(s *stage) error) error {
	s, err := p.newStage()
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

func (p plan) newStage() (*stage, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	s := &stage{bin: p.bin, socket: filepath.Join(dir, "s"), keys: filepath.Join(dir, "keys.json")}
	key, err := exec.Command(filepath.Join(p.bin, "api-server"), "keys", "add", "bench", "--scope", "wake", "--keys", s.keys).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	s.key = strings.TrimSpace(string(key))
	return s, err
}

// daemon starts wol-server; where is the setting that says where packets go.
func (s *stage) daemon(where ...string) error {
	return s.run(filepath.Join(s.bin, "wol-server"), append(where, "--socket", s.socket, "--repeat", "1", "--max-pps", "1000000")...)
}

func (s *stage) gateway() error {
	return s.run(filepath.Join(s.bin, "api-server"), "--wol-socket", s.socket, "--keys", s.keys, "--listen", gatewayAddress, "--rate", "0")
}

// self starts this program in another role.
func (s *stage) self(role, path string) error { return s.run("/proc/self/exe", role, path) }

// run starts a program. What it logs is written and goes nowhere: the writing is part
// of a wake, and what a disk does with it is not.
func (s *stage) run(name string, args ...string) error {
	to := os.DevNull
	if s.said != "" {
		to = filepath.Join(s.said, filepath.Base(name))
	}
	stderr, err := os.Create(to)
	if err != nil {
		return err
	}
	defer stderr.Close()
	cmd := exec.Command(name, args...)
	cmd.Stderr, cmd.Env = stderr, []string{}                           // no setting of the user's is measured
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it is not to outlive us
	if err := cmd.Start(); err != nil {
		return err
	}
	s.running = append(s.running, cmd)
	return nil
}

func (s *stage) end() {
	for _, cmd := range s.running {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	}
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
