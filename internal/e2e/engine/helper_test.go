package engine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long anything may take on a busy machine before it is given up.
const patience = time.Minute

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	return f
}

// until calls ready until it returns nil.
func until(t *testing.T, what string, ready func() error) {
	t.Helper()
	if err := within(patience, ready); err != nil {
		t.Fatalf("not true within %v: %s: %v", patience, what, err)
	}
}

func within(d time.Duration, ready func() error) error {
	for deadline := time.Now().Add(d); ; time.Sleep(50 * time.Millisecond) {
		err := ready()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// keep copies a file to where make test collects what a failure leaves.
func keep(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if dir := os.Getenv("ARTIFACTS"); err == nil && dir != "" {
		err = os.WriteFile(filepath.Join(dir, "engine-"+filepath.Base(path)), text, 0o644)
	}
	if err != nil {
		t.Error(errors.Join(errors.New("keep "+path), err))
	}
}
