package apikey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"wolgate/internal/files"
	"wolgate/internal/strictjson"
)

// maxFile is the largest key file in bytes: some thousands of keys.
const maxFile = 1 << 20

// File is the content of a key file. The zero File has no keys.
type File struct {
	entries []Entry // names and ids are unique
}

// Entries returns the keys in the file's order.
func (f File) Entries() []Entry { return slices.Clone(f.entries) }

// Load reads a key file. It refuses one that others may read or the group may write. The
// error names the file, the entry and the fault; errors.Is finds fs.ErrNotExist in it where
// there is no file.
func Load(path string) (File, error) {
	text, err := files.Read(path, files.Secret)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return File{}, fmt.Errorf("%w: create the first key: %s", err, Command(path, "add", "NAME"))
	case errors.Is(err, fs.ErrPermission):
		return File{}, fmt.Errorf("key file: %w: make it readable for the user who runs this", err)
	case err != nil:
		return File{}, fmt.Errorf("key file: %w", err)
	}
	f, err := ParseFile(text)
	if err != nil {
		return File{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return f, nil
}

// ParseFile reads the content of a key file. It is strict, because an overlooked field
// could be the one that limits a key. Entries in errors count from 1.
func ParseFile(text []byte) (File, error) {
	switch {
	case len(text) > maxFile:
		return File{}, fmt.Errorf("larger than %d bytes", maxFile)
	case len(bytes.TrimSpace(text)) == 0:
		return File{}, errors.New(`empty: remove the file, or write {"keys":[]} into it`)
	}
	var whole struct {
		Keys json.RawMessage `json:"keys"`
	}
	if err := strictjson.Decode(text, &whole); err != nil {
		if e, ok := errors.AsType[*json.SyntaxError](err); ok {
			line := 1 + bytes.Count(text[:min(int(e.Offset), len(text))], []byte("\n"))
			return File{}, fmt.Errorf("not JSON at line %d: %w", line, err)
		}
		return File{}, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(whole.Keys, &list); err != nil {
		return File{}, errors.New(`there is no list of keys: write {"keys":[]} for none`)
	}
	f := File{entries: make([]Entry, len(list))}
	names, ids := map[string]bool{}, map[string]bool{}
	for i, raw := range list {
		var s entryJSON
		var e Entry
		err := strictjson.Decode(raw, &s)
		if err == nil {
			e, err = s.parse()
		}
		switch {
		case err != nil:
		case names[e.Name]:
			err = errors.New("another entry has the same name")
		case ids[e.ID]:
			err = errors.New("another entry has the same id")
		}
		if err != nil {
			return File{}, fmt.Errorf("entry %s: %w", label(i, s.Name), err)
		}
		names[e.Name], ids[e.ID] = true, true
		f.entries[i] = e
	}
	return f, nil
}

// Encode returns the text that ParseFile reads back as f.
func (f File) Encode() ([]byte, error) {
	list := make([]entryJSON, len(f.entries)) // an empty list in JSON, not null
	for i, e := range f.entries {
		list[i] = e.toJSON()
	}
	text, err := json.MarshalIndent(map[string]any{"keys": list}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

// label names an entry by its position, and by its name where that is valid.
func label(i int, name string) string {
	name, err := parseName(name)
	if err != nil {
		return fmt.Sprint(i + 1)
	}
	return fmt.Sprintf("%d (%s)", i+1, name)
}
