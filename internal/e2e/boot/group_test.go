package boot_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// hierarchies are where control groups are made, cgroups(7): the one of version 2, or of
// version 1 the two in which systemd keeps processes.
func hierarchies() []string {
	return slices.DeleteFunc([]string{"/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"}, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "cgroup.procs"))
		return err != nil
	})
}

// unified reports whether there is a hierarchy of version 2.
func unified() bool {
	return slices.ContainsFunc(hierarchies(), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "cgroup.controllers"))
		return err == nil
	})
}

// isolate moves this process, and with it all that it starts, into a control group of its
// own until the test ends: systemd-nspawn makes groups of fixed names below the one that it
// is in.
func isolate(t *testing.T) {
	t.Helper()
	enter := func(group string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0); err != nil { // 0 is the writer
			t.Fatal(err)
		}
	}
	for _, hierarchy := range hierarchies() {
		group := filepath.Join(hierarchy, "wolgate-boot")
		_ = disband(group) // of a run that was killed
		if err := os.Mkdir(group, 0o755); err != nil {
			t.Fatal(err)
		}
		enter(group)
		t.Cleanup(func() {
			enter(hierarchy)
			err := disband(group)
			for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); err = disband(group) {
				time.Sleep(50 * time.Millisecond) // processes may still be ending
			}
			if err != nil {
				t.Errorf("what the test leaves: %v", err)
			}
		})
	}
}

// disband removes a group and those below it.
func disband(group string) (err error) {
	var groups []string
	_ = filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			groups = append(groups, path)
		}
		return nil
	})
	for _, path := range slices.Backward(groups) {
		err = os.Remove(path)
	}
	return err
}
