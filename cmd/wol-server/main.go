// Command wol-server is the daemon: it broadcasts magic packets for those who
// may open its Unix socket.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"wolgate/internal/wolserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(wolserver.Main(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
