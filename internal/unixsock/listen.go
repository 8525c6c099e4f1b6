package unixsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"wolgate/internal/fstype"
)

const (
	dirMode    = 0o750 // who may reach the socket at all
	socketMode = 0o660 // who may connect
	lockMode   = 0o600 // only the owner may open the lock, and so hold it
)

// Reasons for leaving a path alone.
var (
	ErrInUse       = errors.New("another process holds this socket")
	ErrNotSocket   = errors.New("not a socket")
	ErrPathTooLong = errors.New("path is too long for a Unix socket")
)

// place is the path of a socket. Its directory is held open, so that one that replaces
// it later is never taken for it.
type place struct {
	path string
	name string // last element of path
	dir  *os.Root
	lock *os.File
	node fs.FileInfo // device and inode of the bound socket
}

// Listen makes the socket at path, mode 0660, and owns it until Close. A missing
// directory is made, mode 0750, but none above it. A socket that a killed process left
// behind is replaced. Anything else at path is left untouched; the error is ErrInUse or
// ErrNotSocket where it is known to be one of the two. The file path.lock beside the socket
// belongs to Listen and stays, except on a file system that takes no socket. allowUIDs is
// explained at Listener.
func Listen(path string, allowUIDs []uint32, log *slog.Logger) (*Listener, error) {
	l := newListener(path, allowUIDs, log)
	if err := l.listen(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Listener) listen() error {
	p, err := occupy(l.path, l.log)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", l.path, err)
	}
	unix, err := p.bind()
	if err != nil {
		return fmt.Errorf("listen on %s: %w", l.path, errors.Join(p.unfit(err), p.leave()))
	}
	// The node goes first and the lock last. While the socket is open the kernel
	// holds its inode, so that number cannot yet belong to another file; while
	// the lock is held, no other start can put a socket there.
	l.unix, l.node = unix, p.node
	l.release = func() error { return errors.Join(p.removeNode(), unix.Close(), p.leave()) }
	return nil
}

// occupy takes the lock of path and then makes room there. Without the lock, one of
// several starters could remove the socket that another has just made.
func occupy(path string, log *slog.Logger) (*place, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	dir, err := openDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	p := &place{path: path, name: filepath.Base(path), dir: dir}
	if deleted(filepath.Dir(path)) {
		err = errors.New(directoryDeleted)
	} else if _, err = p.look(); err == nil { // so that a wrong path gets no lock beside it
		err = p.takeLock()
	}
	if err == nil {
		err = p.makeRoom(log)
	}
	if err != nil {
		return nil, errors.Join(err, p.leave())
	}
	return p, nil
}

func openDir(name string) (*os.Root, error) {
	dir, err := os.OpenRoot(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	if err = os.Mkdir(name, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: make this directory for the user of wol-server, or choose another --socket", err)
	}
	if dir, err = os.OpenRoot(name); err != nil {
		return nil, err
	}
	// The umask, which Mkdir obeys, may have shut the group out.
	if err = dir.Chmod(".", dirMode); err != nil { // as vfat does
		return nil, errors.Join(noPlace(err, name), dir.Close(), os.Remove(name))
	}
	return dir, nil
}

// takeLock uses flock(2), which the kernel releases however the process ends.
// The file is not removed beside a socket: a process that had just opened it would lock a
// file that no other sees. A symbolic link is not followed, because in a directory that others may
// write to it could lead anywhere.
func (p *place) takeLock() error {
	lock, err := os.OpenFile(p.path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, lockMode)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: give the directory and this file to the user of wol-server", err)
	case errors.Is(err, syscall.ELOOP):
		return fmt.Errorf("%w: remove this symbolic link", err)
	case err != nil:
		return err
	}
	p.lock = lock
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return inUse()
	}
	return os.NewSyscallError("flock", err)
}

// makeRoom removes what a killed process left and refuses all else. A program that does
// not know our lock would lose its socket between its bind and its listen, when it
// refuses connections as well.
func (p *place) makeRoom(log *slog.Logger) error {
	stands, err := p.look()
	if err != nil || !stands {
		return err
	}
	conn, err := net.Dial("unix", p.path)
	switch {
	case err == nil:
		return errors.Join(inUse(), conn.Close())
	case errors.Is(err, syscall.EAGAIN): // a full backlog: a process is there, and busy
		return inUse()
	case errors.Is(err, syscall.ECONNREFUSED): // a node without a process
		log.Info("stale socket removed", "socket", p.path)
		return p.dir.Remove(p.name)
	default:
		return fmt.Errorf("probe the existing socket: %w: remove it if no process serves it", err)
	}
}

// look reports whether a socket is at path, and refuses anything else.
func (p *place) look() (stands bool, err error) {
	node, err := p.dir.Lstat(p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if node.Mode().Type() != fs.ModeSocket {
		return false, fmt.Errorf("%w (%s): remove it yourself or choose another --socket", ErrNotSocket, node.Mode())
	}
	return true, nil
}

func inUse() error { return fmt.Errorf("%w: stop that one first or choose another --socket", ErrInUse) }

// bind makes the node, and at no moment is its mode looser than socketMode.
// The kernel gives a node the mode of the socket's own inode, 0777 at first,
// less the umask; fchmod(2) before bind(2) changes that mode. The chmod after
// it only gives back what the umask took. Binding under an umask of our own
// would do as well, but the umask belongs to every thread of the process.
func (p *place) bind() (*net.UnixListener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), socketMode) })
		return errors.Join(err, os.NewSyscallError("fchmod", failed))
	}}
	listener, err := config.Listen(context.Background(), "unix", p.path)
	if err != nil {
		return nil, err
	}
	unix := listener.(*net.UnixListener)
	unix.SetUnlinkOnClose(false) // package net removes whatever stands there by then
	if p.node, err = p.dir.Lstat(p.name); err == nil {
		err = p.dir.Chmod(p.name, socketMode) // never follows a link out of the directory
	}
	if err == nil {
		err = p.checkMode()
	}
	if err != nil {
		return nil, errors.Join(err, p.removeNode(), unix.Close())
	}
	return unix, nil
}

// checkMode refuses a socket that has another mode than chmod gave it, as on ntfs-3g:
// everybody could connect.
func (p *place) checkMode() error {
	node, err := p.dir.Lstat(p.name)
	if err == nil && node.Mode().Perm() != socketMode {
		err = fmt.Errorf("the socket has mode %04o instead of %04o: %w", node.Mode().Perm(), fs.FileMode(socketMode), syscall.EPERM)
	}
	return err
}

// unfit says so where err means that the file system is at fault, and leaves nothing
// behind. vfs_mknod answers EPERM where a file system has no mknod. Other drivers have
// their own answers; exfat-fuse makes a file instead, so that bind fails with EIO.
func (p *place) unfit(err error) error {
	answers := []error{syscall.EPERM, syscall.EIO, syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP}
	if !slices.ContainsFunc(answers, func(answer error) bool { return errors.Is(err, answer) }) {
		return err
	}
	if node, lstatErr := p.dir.Lstat(p.name); lstatErr == nil && node.Mode().IsRegular() && node.Size() == 0 {
		_ = p.dir.Remove(p.name)
	}
	_ = p.dir.Remove(p.name + ".lock") // guards nothing where there is no socket
	return noPlace(err, filepath.Dir(p.path))
}

func noPlace(err error, dir string) error {
	return fmt.Errorf("%w: %v is no place for a socket: choose a --socket on a file system of Linux's own, such as below /run", err, fstype.Of(dir))
}

// removeNode removes the socket if it is still the one that was bound.
func (p *place) removeNode() error {
	now, err := p.dir.Lstat(p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !os.SameFile(now, p.node) {
		return err
	}
	return p.dir.Remove(p.name)
}

// leave releases the lock. Closing its file alone would keep it for as long as a child
// that is just being started holds a copy of the descriptor.
func (p *place) leave() error {
	if p.lock == nil {
		return p.dir.Close()
	}
	err := syscall.Flock(int(p.lock.Fd()), syscall.LOCK_UN)
	return errors.Join(err, p.lock.Close(), p.dir.Close())
}
