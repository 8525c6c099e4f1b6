package netlimit

import (
	"fmt"
	"os"
	"syscall"
)

// reserve is how many descriptors are kept for everything else: the standard
// three, the listeners, epoll, logs, keys, a resolver's socket, and a margin.
const reserve = 64

// Fits returns how many of total connections this process may have open, given its soft
// RLIMIT_NOFILE (getrlimit(2)). Each takes a descriptor; others are those that serving
// them takes, such as pooled connections to another server. If they are fewer than total,
// the error says what to do. Go raises the soft limit to the hard one when a program
// starts, so raising the hard one is enough.
func Fits(total, others int) (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read how many files may be open: %w", os.NewSyscallError("getrlimit RLIMIT_NOFILE", err))
	}
	return fits(total, others, limit.Cur)
}

func fits(total, others int, soft uint64) (int, error) {
	rest := uint64(max(0, others)) + reserve
	need := uint64(max(0, total)) + rest
	if need <= soft {
		return total, nil
	}
	return int(soft - min(rest, soft)), fmt.Errorf("%d connections take %d file descriptors (%d for the rest of their work, %d for everything else), but RLIMIT_NOFILE allows %d: "+
		"raise it to at least %d (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker), or allow fewer connections",
		total, need, others, reserve, soft, need)
}
