package lantest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"wolgate/internal/skip"
)

// nobody is the uid and the gid of the user of that name.
const nobody = 65534

// Unprivileged returns a command that runs a program without any capability and
// without a way to one: uid 0, set-uid programs and file capabilities give none
// here (capabilities(7)).
//
// Where root runs the tests the program runs as nobody (65534), which may not open
// root's files; SharedDir is for what it needs. Elsewhere the namespace has one
// user only, and the program runs as that one.
//
// The command is setpriv(1), which becomes the program: the process keeps its
// id, and SysProcAttr.Pdeathsig its effect.
func Unprivileged(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	Require(t)
	setpriv := skip.Unless(t, "setpriv", "util-linux")
	flags := []string{
		"--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all",
		"--securebits=+noroot,+noroot_locked",
		"--no-new-privs",
		"--pdeathsig=keep", // A change of the uid would clear it.
	}
	exists, err := nobodyExists()
	if err != nil {
		t.Fatal(err)
	}
	if exists {
		id := strconv.Itoa(nobody)
		flags = append(flags, "--reuid="+id, "--regid="+id, "--clear-groups")
	}
	return exec.Command(setpriv, slices.Concat(flags, []string{"--", program}, args)...)
}

// nobodyExists reports whether the user namespace has the user nobody. Files do not
// tell: those of users outside appear as nobody's.
func nobodyExists() (bool, error) {
	f, err := os.Open("/proc/self/uid_map")
	if err != nil {
		return false, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var inside, outside, size int64
		if _, err := fmt.Sscan(lines.Text(), &inside, &outside, &size); err != nil {
			return false, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		if inside <= nobody && nobody < inside+size {
			return true, nil
		}
	}
	return false, lines.Err()
}
