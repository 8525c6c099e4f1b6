package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Decode decodes one JSON object into the struct that into points to, whose fields all
// have a json tag. It refuses what encoding/json is lenient about: unknown names, names
// in another case, names given twice (the second wins), and null (which counts as left
// out). That holds as well for the objects of a list whose elements are structs; what is
// in a json.RawMessage is left alone.
//
// The error is a *json.SyntaxError, an UnknownFieldError, or says in words what is wrong
// and quotes nothing of text. Even then what could be read is in into.
func Decode(text []byte, into any) error {
	err := json.Unmarshal(text, into)
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return err
	}
	if strict := object(json.NewDecoder(bytes.NewReader(text)), fieldsOf(reflect.TypeOf(into).Elem())); strict != nil {
		return strict
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		if e.Value == "number" && e.Type.Kind() == reflect.String { // YAML takes 11:22:33:44:55:00 for one
			return fmt.Errorf("%s is a number: write it in quotes", e.Field)
		}
		return fmt.Errorf("%s is of the wrong type", e.Field)
	}
	if err != nil { // whose text could quote a value
		return errors.New("a field is of the wrong type")
	}
	return nil
}

// UnknownFieldError tells of a field that the object does not have.
type UnknownFieldError struct {
	Name  string // as given; it may be a secret
	Known string // those that the object has
}

// Error quotes the name only where it is too short and too plain to be a key.
func (e UnknownFieldError) Error() string {
	return fmt.Sprintf("unknown field%s: the fields are %s", mention(e.Name), e.Known)
}

// field is a field that an object may have.
type field struct {
	name string
	list []field // of its elements, where it is a list of objects
}

func fieldsOf(t reflect.Type) []field {
	fields := make([]field, t.NumField())
	for i := range fields {
		f := t.Field(i)
		fields[i].name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			fields[i].list = fieldsOf(f.Type.Elem())
		}
	}
	return fields
}

// object walks the next value of d, which is valid JSON.
func object(d *json.Decoder, known []field) error {
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	seen := make([]bool, len(known))
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		i := slices.IndexFunc(known, func(f field) bool { return f.name == name })
		if i < 0 {
			return UnknownFieldError{Name: name, Known: names(known)}
		}
		if seen[i] {
			return fmt.Errorf("%s is given twice", name)
		}
		seen[i] = true
		if err := value(d, known[i]); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func value(d *json.Decoder, f field) error {
	if f.list == nil {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		if string(raw) == "null" {
			return fmt.Errorf("%s is null: write a value or leave it out", f.name)
		}
		return nil
	}
	if first, err := d.Token(); err != nil || first != json.Delim('[') {
		return fmt.Errorf("%s is not a list", f.name)
	}
	for d.More() {
		if err := object(d, f.list); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func names(fields []field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.name)
	}
	return strings.Join(list, ", ")
}

// mention quotes a name that is too short and too plain to be a secret.
func mention(name string) string {
	plain := func(c rune) bool {
		return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '_'
	}
	if name == "" || len(name) > 16 || strings.TrimFunc(name, plain) != "" {
		return ""
	}
	return " " + name
}
