package wol

import (
	"context"
	"time"
)

// Ended returns why a call is over, or nil while it is not. It looks at the clock as
// well as at ctx: in a process that was stopped (SIGSTOP, a frozen cgroup) a deadline
// passes before the timer behind ctx has had its turn, and a computer must
// not be woken after its caller was told that it was not.
func Ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}
