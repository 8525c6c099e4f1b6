package netlimit

import "syscall"

// FitsIn is Fits with another soft limit than that of this process.
func FitsIn(total, others int, soft uint64) (int, error) {
	return fits(total, others, syscall.Rlimit{Cur: soft, Max: soft})
}
