package apiserver

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// sendBuffer is what the kernel holds of answers for each client, in bytes; it
// doubles it for its own needs (socket(7)). Left to itself it goes up to 4 MiB
// (tcp_wmem, tcp(7)) for a client that reads slowly: some hundred of those would take what
// all TCP of the host may have. Our answers are small; the largest file of the
// documentation is 1.7 MB, which 64 KiB at a time are enough for.
const sendBuffer = 64 << 10

// listen opens the public listener. Accepted connections inherit its options.
func listen(ctx context.Context, address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, socket syscall.RawConn) error {
		var failed error
		err := socket.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, sendBuffer)
		})
		return errors.Join(err, os.NewSyscallError("setsockopt SO_SNDBUF", failed))
	}}
	return config.Listen(ctx, "tcp", address)
}
