// Command api-server is the gateway: the public HTTP API in front of wol-server.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"wolgate/internal/apiserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(apiserver.Main(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
