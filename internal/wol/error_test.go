package wol_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"wolgate/internal/wol"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want wol.Kind
	}{
		{&wol.Error{Kind: wol.Forbidden}, wol.Forbidden},
		{fmt.Errorf("wake: %w", &wol.Error{Kind: wol.RateLimited, Err: errors.New("x")}), wol.RateLimited},
		{fmt.Errorf("wake: %w", context.DeadlineExceeded), wol.Timeout},
		{&wol.Error{Kind: wol.Unavailable, Err: context.DeadlineExceeded}, wol.Unavailable},
		{errors.New("x"), wol.Internal},
		{context.Canceled, wol.Internal},
	} {
		if got := wol.KindOf(tt.err); got != tt.want {
			t.Errorf("KindOf(%v) = %s, want %s", tt.err, got, tt.want)
		}
	}
}

func TestErrorShowsItsCauseInTheLog(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	err := &wol.Error{Kind: wol.Unavailable, Message: "wol-server is not running", Err: cause}
	if got := err.Error(); got != "wol-server is not running: connection refused" {
		t.Errorf("got %q", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if got := (&wol.Error{Kind: wol.Timeout}).Error(); got != "timeout" {
		t.Errorf("without a message: %q", got)
	}
}
