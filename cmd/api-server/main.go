// Command api-server is the gateway: the public HTTP API in front of wol-server.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"wolgate/internal/apiserver"
)

func main() {
	// A write to a pipe that nobody reads any more raises SIGPIPE (signal(7)), and on
	// stdout or stderr Go ends the program by it (os/signal): the death of a log
	// reader would be ours. Ignored, it leaves an error of that write, EPIPE.
	signal.Ignore(syscall.SIGPIPE)
	// The heap is so small that Go's default would collect it at every 500th wake.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(apiserver.Main(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
