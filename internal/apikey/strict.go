package apikey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// readStored reads one entry. What could be read before an error is returned
// with it, to name the entry by.
func readStored(raw json.RawMessage) (stored, error) {
	_, strict := object(raw, "name", "id", "sha256", "scopes", "targets", "created", "expires")
	var s stored
	if err := json.Unmarshal(raw, &s); err != nil && strict == nil {
		// The text of err could quote a value.
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return s, fmt.Errorf("%s is of the wrong type", e.Field)
		}
		return s, errors.New("a field is of the wrong type")
	}
	return s, strict
}

// object returns the fields of one JSON object. It refuses what encoding/json
// is lenient about, because each of these could lift a limit unseen: unknown
// names, names in another case, names given twice (the second wins), and null
// (which counts as left out). The text has been found to be valid JSON.
func object(text json.RawMessage, known ...string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown field%s: the fields are %s", mention(name), strings.Join(known, ", "))
		}
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		if string(value) == "null" {
			return nil, fmt.Errorf("%s is null: write a value or leave it out", name)
		}
		fields[name] = value
	}
	return fields, nil
}

// mention quotes a name that is too short and too plain to be a secret.
func mention(name string) string {
	if len(name) == 0 || len(name) > 16 || !allBase62(strings.ReplaceAll(name, "_", "")) {
		return ""
	}
	return " " + name
}
