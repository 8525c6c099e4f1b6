package netlimit

import (
	"fmt"
	"os"
	"syscall"
)

// reserve is how many descriptors are kept for everything else: the standard
// three, the listeners, epoll, logs, keys, a resolver's socket, and a margin.
const reserve = 64

// Fits returns for how many of total connections this process may open enough
// descriptors: one for each, one for each of others, which are those that serving
// them takes, such as pooled connections to another server, and 64 for everything
// else. Where they are fewer than total, the error says what to do. What counts is the soft RLIMIT_NOFILE
// (getrlimit(2)). Go raises it to the hard one when a program starts, so raising
// the hard one is enough.
func Fits(total, others int) (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read how many files may be open: %w", os.NewSyscallError("getrlimit RLIMIT_NOFILE", err))
	}
	return fits(total, others, limit)
}

func fits(total, others int, limit syscall.Rlimit) (int, error) {
	rest := uint64(max(0, others)) + reserve
	need := uint64(max(0, total)) + rest
	if need <= limit.Cur {
		return total, nil
	}
	return int(limit.Cur - min(rest, limit.Cur)), fmt.Errorf("%d connections take %d file descriptors (%d for the rest of their work, %d for everything else), but RLIMIT_NOFILE allows %d: "+
		"raise it to at least %d (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker), or allow fewer connections",
		total, need, others, reserve, limit.Cur, need)
}
