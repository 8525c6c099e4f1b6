package sdnotify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// request is one that both programs answer, without a key.
const request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

// fullPause is the time between two dials while the backlog of a Unix socket is full.
const fullPause = 50 * time.Millisecond

// Answers returns a check of the program's own listener, from outside: it connects to
// address and asks for /healthz. Only silence for as long as the check may take is a
// failure. Any answer shows life, and so does a connection that is closed or reset at
// once: under an attack that takes every place, the program turns away new connections
// as it should, and a restart would be the attacker's success.
//
// An address of all interfaces, such as [::]:8080, is reached over loopback, as package
// net does.
func Answers(address net.Addr) func(context.Context) error {
	return func(ctx context.Context) error {
		err := ask(ctx, address)
		if err == nil || ctx.Err() == nil && !isTimeout(err) {
			return nil
		}
		return fmt.Errorf("nothing answers on %s, the program's own address: if its unit has IPAddressDeny=, allow this address there: %w", address, err)
	}
}

// ask returns nil after the first byte of an answer, or why there was none.
func ask(ctx context.Context, address net.Addr) error {
	conn, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write([]byte(request)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

// dial waits while the backlog of a Unix socket is full, as a TCP dial does in the
// kernel: connect(2) returns EAGAIN then, whether the program is busy or stuck.
func dial(ctx context.Context, address net.Addr) (net.Conn, error) {
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, address.Network(), address.String())
		if !errors.Is(err, syscall.EAGAIN) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(fullPause):
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
