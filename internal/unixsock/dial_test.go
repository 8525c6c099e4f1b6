package unixsock_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/unixsock"
)

func TestDialerKeepsTheCause(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	live, stale := filepath.Join(dir, "live"), filepath.Join(dir, "stale")
	greet(t, listen(t, live))
	plantStale(t, stale)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		path string
		want error
	}{
		"live":      {t.Context(), live, nil},
		"absent":    {t.Context(), filepath.Join(dir, "absent"), syscall.ENOENT},
		"no daemon": {t.Context(), stale, syscall.ECONNREFUSED},
		"cancelled": {cancelled, live, context.Canceled},
		"expired":   {expired, live, context.DeadlineExceeded},
		"too long":  {t.Context(), dir + strings.Repeat("x", 107), unixsock.ErrPathTooLong},
	} {
		conn, err := unixsock.Dialer(tt.path)(tt.ctx, "tcp", "203.0.113.1:80")
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
		if (conn != nil) != (tt.want == nil) {
			t.Errorf("%s: got the connection %v", name, conn)
		}
		if conn != nil {
			if got := conn.RemoteAddr().String(); got != tt.path {
				t.Errorf("%s: dialled %s", name, got)
			}
			_ = conn.Close()
		}
		if err != nil && !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%s: %v does not name the path", name, err)
		}
	}
}

func TestDialerRefusesAbstractNames(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "@wol", "\x00wol"} {
		if _, err := unixsock.Dialer(path)(t.Context(), "", ""); err == nil || !strings.Contains(err.Error(), "choose the path of a file") {
			t.Errorf("%q: got %v, want the cure", path, err)
		}
	}
}
