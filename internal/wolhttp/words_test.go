package wolhttp_test

import (
	"context"
	"net/http"
	"regexp"
	"testing"
	"time"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// TestOnlyWakesSpeakOfPackets: who asks for interfaces or health has asked for no packet.
func TestOnlyWakesSpeakOfPackets(t *testing.T) {
	t.Parallel()
	answers := func(say []byte) func(*testing.T) string {
		return func(t *testing.T) string {
			path := woltest.SocketPath(t)
			woltest.Answer(t, path, say)
			return path
		}
	}
	fails := func(t *testing.T) string {
		return serve(t, wolhttp.Handler(nil, func(context.Context) (wol.Interfaces, error) {
			return wol.Interfaces{}, context.DeadlineExceeded
		}, quiet()))
	}
	for name, daemon := range map[string]func(*testing.T) string{
		"absent": func(t *testing.T) string { return woltest.SocketPath(t) }, "stale": stale, "full backlog": fullBacklog, "regular file": regular,
		"silent": answers(nil), "hangs up": answers([]byte{}), "not ours": answers([]byte("SSH-2.0-OpenSSH_9.2\r\n")), "no list": fails,
		"breaks off": func(t *testing.T) string {
			return serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		},
	} {
		c := client(t, daemon(t), 200*time.Millisecond)
		_, err := c.Interfaces(t.Context(), "id-1")
		failures := []error{err}
		if name != "no list" {
			failures = append(failures, c.Ping(t.Context(), "id-1"), wolhttp.NewHealth(c, quiet()).Check("id-1"))
		}
		for _, err := range failures {
			if err == nil {
				t.Fatalf("%s: no error", name)
			}
			if detail := problem.From(err).Detail; regexp.MustCompile(`packet|\bsent\b`).MatchString(detail) {
				t.Errorf("%s: %s", name, detail)
			}
		}
	}
}
