//go:build soak

package e2e

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wolgate/internal/woltest"
)

// slow is an attack by clients that hold connections as long as they may.
type slow struct {
	address        string
	opened, cutOff atomic.Int64
	longest        atomic.Int64 // time that one was held
}

// hold opens a connection, gives it to use until that returns, and begins again, until
// ctx ends.
func (s *slow) hold(ctx context.Context, dialer net.Dialer, use func(net.Conn)) {
	for ctx.Err() == nil {
		conn, err := dialer.DialContext(ctx, "tcp", s.address)
		if err != nil {
			pause(ctx, 100*time.Millisecond)
			continue
		}
		s.opened.Add(1)
		opened := time.Now()
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		use(conn)
		stop()
		_ = conn.Close()
		if ctx.Err() == nil {
			s.cutOff.Add(1)
			held := int64(time.Since(opened))
			for so := s.longest.Load(); held > so && !s.longest.CompareAndSwap(so, held); so = s.longest.Load() {
			}
		}
	}
}

// sendHalf sends the beginning of a request and waits for what the gateway does.
func sendHalf(conn net.Conn) {
	_, _ = io.WriteString(conn, "POST /api/v1/wol/"+someMAC+" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bea")
	_, _ = io.Copy(io.Discard, conn)
}

// readSlowly asks for more than it reads, a byte a second. It also goes on asking: after
// a reset, reading would give what lies in buffers for hours, while writing fails at once.
// What it has asked for does not fit the gateway's buffer of 32 KiB, so that the kernel
// answers the gateway's close with a reset and not with a FIN.
func readSlowly(path string) func(net.Conn) {
	requests := strings.Repeat("GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n", 1000)
	return func(conn net.Conn) {
		if _, err := io.WriteString(conn, requests); err != nil {
			return
		}
		one := []byte{'G'}
		for {
			if _, err := conn.Read(one); err != nil {
				return
			}
			if _, err := conn.Write(one); err != nil {
				return
			}
			time.Sleep(time.Second) // how slow it is
		}
	}
}

// smallWindow has a socket offer the smallest window that the kernel gives (socket(7)),
// before it connects.
func smallWindow(_, _ string, raw syscall.RawConn) error {
	var err error
	if controlErr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) }); controlErr != nil {
		return controlErr
	}
	return err
}

// pause waits for a time, or until ctx ends.
func pause(ctx context.Context, span time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(span):
	}
}

// TestSoakSlowClients has 1000 clients send half of a request, and 500 read next to
// nothing of large answers, for half a minute. Those cut off come again at once.
// Good clients notice nothing, and afterwards nothing is left of it.
func TestSoakSlowClients(t *testing.T) {
	const halves, readers, goodPerSecond, slack = 1000, 500, 200, 5
	const headTime, answerTime = 5 * time.Second, 10 * time.Second // that the gateway gives
	const span, recovery = answerTime + 30*time.Second, 10 * time.Second
	const mostLate, mostMemory = 20 * time.Millisecond, 160 << 20 // of which the buffers of heads are 48
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r))
	p.gateway.log.mute(true)
	p.daemon.log.mute(true)
	before := p.outside(t)
	address := strings.TrimPrefix(p.url, "http://")
	heads, answers := &slow{address: address}, &slow{address: address}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var attack sync.WaitGroup
	// They come evenly over the time for which the gateway lets each stay, and so they
	// come again. All at once would measure how fast this process can dial, for the
	// attackers share its processors with the programs and with the good clients.
	for n := range halves {
		attack.Go(func() {
			pause(ctx, time.Duration(n)*headTime/halves)
			heads.hold(ctx, net.Dialer{}, sendHalf)
		})
	}
	for n := range readers {
		path := []string{"/swagger/swagger-ui-bundle.js", "/swagger/doc.json"}[n%2]
		attack.Go(func() {
			pause(ctx, time.Duration(n)*answerTime/readers)
			answers.hold(ctx, net.Dialer{Control: smallWindow}, readSlowly(path))
		})
	}
	outcomes := make(chan []outcome)
	go func() { outcomes <- p.wakeFor(span, goodPerSecond) }()
	pause(ctx, answerTime+time.Second) // until all have come
	least := p.outside(t) - before
	var good []outcome
	for good == nil {
		select {
		case good = <-outcomes:
		case <-time.After(time.Second):
			least = min(least, p.outside(t)-before)
		}
	}
	ended := time.Now()
	end()
	for p.outside(t) > before+slack {
		if time.Since(ended) > recovery {
			t.Errorf("%v after the attack there are %d descriptors, and before it %d", recovery, p.outside(t), before)
			break
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
	t.Logf("descriptors were back %v after the attack", time.Since(ended).Round(10*time.Millisecond))
	attack.Wait()
	judge(t, good, mostLate)
	t.Logf("half requests: %d opened, %d cut off, the longest held for %v", heads.opened.Load(), heads.cutOff.Load(), time.Duration(heads.longest.Load()).Round(time.Millisecond))
	t.Logf("slow readers: %d opened, %d cut off, the longest held for %v", answers.opened.Load(), answers.cutOff.Load(), time.Duration(answers.longest.Load()).Round(time.Millisecond))
	t.Logf("at least %d connections were held, looked at every second", least)
	if least < (halves+readers)*9/10 {
		t.Errorf("only %d connections were held at some time: that is no attack", least)
	}
	for name, program := range map[string]*process{"gateway": p.gateway, "daemon": p.daemon} {
		program.mustLive(t)
		peak := program.memory(t, "VmHWM")
		t.Logf("%s: %s in memory at most, %s now", name, mib(peak), mib(program.memory(t, "VmRSS")))
		if peak > mostMemory {
			t.Errorf("%s: %s in memory at most, want %s", name, mib(peak), mib(mostMemory))
		}
	}
}
