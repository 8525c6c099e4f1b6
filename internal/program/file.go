package program

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxFile bounds what is read of a file that the configuration names.
const maxFile = 1 << 20

// ReadFile reads a regular file of at most 1 MiB. Anything else is an error at
// once: opening a pipe would wait for its writer (fifo(7)), a device may be
// endless.
func ReadFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", path, maxFile)
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}
