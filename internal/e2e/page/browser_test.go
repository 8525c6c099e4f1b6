package page

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long the browser may take over one step on a busy machine.
const patience = 30 * time.Second

// browser is a Chromium with a profile of its own, which is new.
type browser struct {
	ctx     context.Context
	profile string
}

// browsers is the names that the one browser has.
func browsers() []string { return []string{"chromium", "chromium-browser", "google-chrome"} }

// launch starts a browser that says nothing to anybody by itself, and trusts the
// certificate whose key has this hash, if any.
func launch(t *testing.T, language, trusted string) *browser {
	t.Helper()
	program := find(t, "chromium", browsers()...)
	b := &browser{profile: filepath.Join(t.TempDir(), "profile")}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.UserDataDir(b.profile),
		// Its sandbox is a user namespace in ours, which root's rules for it refuse.
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.WindowSize(1280, 1000),
		chromedp.Flag("accept-lang", language),
		chromedp.Flag("lang", language),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		// Looking for televisions would put datagrams on the LAN.
		chromedp.Flag("disable-features", "MediaRouter,DialMediaRouteProvider,Translate,OptimizationHints"),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		}),
	)
	if trusted != "" {
		options = append(options, chromedp.Flag("ignore-certificate-errors-spki-list", trusted))
	}
	limited, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	allocator, stop := chromedp.NewExecAllocator(limited, options...)
	var forget context.CancelFunc
	b.ctx, forget = chromedp.NewContext(allocator)
	t.Cleanup(func() {
		b.close(t)
		forget()
		stop()
		cancel()
	})
	if err := chromedp.Run(b.ctx); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return b
}

// close ends the browser as a user would, so that it writes what it keeps.
func (b *browser) close(t *testing.T) {
	t.Helper()
	if b.ctx.Err() != nil {
		return
	}
	if err := chromedp.Cancel(b.ctx); err != nil {
		t.Errorf("close the browser: %v", err)
	}
}

// do takes the steps of one thing that a user does.
func (b *browser) do(t *testing.T, what string, steps ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, steps...); err != nil {
		var shown []byte
		_ = chromedp.Run(b.ctx, chromedp.FullScreenshot(&shown, 100)) // it may be no better off
		keep(t, "failed-"+filepath.Base(t.Name()), shown)
		t.Fatalf("%s: %v", what, err)
	}
}

// keep writes a picture to the folder that ARTIFACTS names, and that has to be
// absolute because every package's tests have another directory; without it, to
// where go test -artifacts has its own.
func keep(t *testing.T, name string, png []byte) {
	t.Helper()
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "page-"+name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
