package program

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// followEvery is how often a followed file is looked at. Looking is used rather
// than inotify(7), which tells nothing of a file on a network share or of one that
// a container engine has mounted by itself; what the file takes away must stop
// working there as well.
const followEvery = 500 * time.Millisecond

// Followed is a file that may be replaced or rewritten while the program runs.
type Followed struct {
	path    string
	seen    sight  // when it was read last
	trouble string // why the last reading failed; it is tried again at every look
}

// Follow remembers what the file is now. Call it before the file is read for the
// first time, so that no change falls in between.
func Follow(path string) *Followed { return &Followed{path: path, seen: look(path)} }

// Run calls reload when the file has become another, until ctx ends. After an
// error it calls again at every look, and failed once for each new error. SIGHUP
// has it call at once, whatever the file looks like.
func (f *Followed) Run(ctx context.Context, reload func() error, failed func(error)) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.check(reload, failed)
		case <-hangups:
			f.seen = sight{} // no file that is there looks like this
			f.check(reload, failed)
		}
	}
}

func (f *Followed) check(reload func() error, failed func(error)) {
	now := look(f.path)
	if now == f.seen && f.trouble == "" {
		return
	}
	f.seen = now
	err := reload()
	if err == nil {
		f.trouble = ""
		return
	}
	if err.Error() != f.trouble {
		failed(err)
	}
	f.trouble = err.Error()
}

// sight is what tells one state of a file from another. The time of the last
// change of the inode (st_ctim, stat(2)) moves with content, owner and mode
// alike, and no program can set it. What it cannot tell are two writes of one size
// within a tick of that clock, 4 ms at most, with our reading in between.
type sight struct {
	device, inode uint64
	size          int64
	changed       syscall.Timespec
}

// look returns the zero sight where there is no file to be seen.
func look(path string) sight {
	var s syscall.Stat_t
	if err := syscall.Stat(path, &s); err != nil {
		return sight{}
	}
	return sight{device: uint64(s.Dev), inode: s.Ino, size: s.Size, changed: s.Ctim}
}
