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

// assemble moves this process into a control group of its own, and with it all that it
// starts: systemd-nspawn makes groups of fixed names below the one that it is in.
func assemble(t *testing.T, name string) {
	t.Helper()
	for _, hierarchy := range hierarchies() {
		group := filepath.Join(hierarchy, name)
		if err := os.Mkdir(group, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0); err != nil { // 0 is the writer
			t.Fatal(err)
		}
	}
}

// disband removes the group and those that the booted system has made in it, all of them
// empty by now or in a moment.
func disband(t *testing.T, name string) {
	t.Helper()
	for _, hierarchy := range hierarchies() {
		group := filepath.Join(hierarchy, name)
		var err error
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			var groups []string
			_ = filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					groups = append(groups, path)
				}
				return nil
			})
			err = nil
			for _, path := range slices.Backward(groups) {
				err = os.Remove(path)
			}
			if err == nil {
				break
			}
		}
		if err != nil {
			t.Errorf("what the test leaves: %v", err)
		}
	}
}
