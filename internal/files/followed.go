package files

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// lookEvery is how often a followed file is looked at. inotify(7) would not do: it
// reports nothing of a file on a network share, or of one that a container engine has
// mounted by itself, and what the file takes away must stop working there as well.
const lookEvery = 500 * time.Millisecond

// Followed is what a file says, which may be replaced or rewritten while the program
// runs.
type Followed[T any] struct {
	path    string
	read    func(path string) (T, error)
	current atomic.Pointer[T]
	seen    state  // of the file when it was read last
	fault   string // why the last reading failed, or empty
}

// Follow reads a file for the first time. Current returns what read returned, also where
// that came with an error.
func Follow[T any](path string, read func(path string) (T, error)) (*Followed[T], error) {
	f := &Followed[T]{path: path, read: read, seen: stateOf(path)} // before it is read, so that no change falls in between
	now, err := read(path)
	f.current.Store(&now)
	return f, err
}

// Current returns what the file said when it could last be read.
func (f *Followed[T]) Current() T { return *f.current.Load() }

// Run reads the file again when it has become another, until ctx ends, and calls changed
// with what it said before and says now. After an error it tries again at every look, and
// calls failed once for each new error. SIGHUP has it read at once, whatever the file
// looks like.
func (f *Followed[T]) Run(ctx context.Context, changed func(before, now T), failed func(error)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-hangups:
			f.seen = state{} // no file that is there has this
		}
		f.look(changed, failed)
	}
}

func (f *Followed[T]) look(changed func(before, now T), failed func(error)) {
	state := stateOf(f.path)
	if state == f.seen && f.fault == "" {
		return
	}
	f.seen = state
	now, err := f.read(f.path)
	if err == nil {
		f.fault = ""
		changed(*f.current.Swap(&now), now)
		return
	}
	if err.Error() != f.fault {
		failed(err)
	}
	f.fault = err.Error()
}

// state tells one state of a file from another. The time of the last change of the
// inode (st_ctim, stat(2)) moves with content, owner and mode alike, and no program can
// set it. Two writes of one size within a tick of that clock, 4 ms at most, with our
// reading in between look the same.
type state struct {
	device, inode uint64
	size          int64
	changed       syscall.Timespec
}

// stateOf returns the zero state where there is no file that could be read. The file is
// opened, because an NFS client then asks the server (close-to-open consistency, nfs(5));
// it answers stat(2) from a cache, which may be a minute old.
func stateOf(path string) state {
	f, info, err := open(path)
	if err != nil {
		return state{}
	}
	defer f.Close()
	s := info.Sys().(*syscall.Stat_t)
	return state{device: uint64(s.Dev), inode: s.Ino, size: s.Size, changed: s.Ctim}
}
