package page

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// stored lists what a page has put where it would find it again.
const stored = `(async () => [
	...Object.keys(localStorage).map(k => "localStorage " + k),
	...Object.keys(sessionStorage).map(k => "sessionStorage " + k),
	...(await indexedDB.databases()).map(d => "IndexedDB " + d.name),
	...(window.caches ? await caches.keys() : []).map(c => "cache " + c),
])()`

// keeps returns what the page has stored, cookies included that scripts do not see.
func (b *browser) keeps(t *testing.T) []string {
	t.Helper()
	var list []string
	b.do(t, "look for what the page keeps",
		chromedp.Evaluate(stored, &list, await),
		chromedp.ActionFunc(func(ctx context.Context) error {
			cookies, err := storage.GetCookies().Do(ctx)
			for _, c := range cookies {
				list = append(list, "cookie "+c.Name)
			}
			return err
		}),
	)
	return list
}

// forgot fails the test unless the page is unauthorized again.
func (u user) forgot() {
	u.t.Helper()
	u.do(u.t, "see the page unauthorized", chromedp.WaitVisible(".auth-wrapper .authorize.unlocked"))
	if list := u.keeps(u.t); len(list) > 0 {
		u.t.Errorf("the page keeps %q", list)
	}
}

// notOnDisk fails the test if the browser has written the key anywhere: among what was
// typed into forms, say.
func notOnDisk(t *testing.T, profile, key string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(profile, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(key)) || bytes.Contains(content, utf16(key)) {
			t.Errorf("the browser keeps the key in %s", path)
		}
		files++
		return err
	})
	if err != nil || files < 10 {
		t.Errorf("of the profile %d files were read: %v", files, err)
	}
}

// utf16 is how Chromium writes some text.
func utf16(ascii string) []byte {
	b := make([]byte, 0, 2*len(ascii))
	for _, c := range []byte(ascii) {
		b = append(b, c, 0)
	}
	return b
}
