package strictjson_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/strictjson"
)

type item struct {
	MAC string `json:"mac"`
}

type document struct {
	Name string          `json:"name,omitempty"`
	List []item          `json:"list"`
	Raw  json.RawMessage `json:"raw"`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	var got document
	if err := strictjson.Decode([]byte(`{"list":[{"mac":"a"},{}],"raw":{"x":null,"x":1}} `), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(document{List: []item{{"a"}, {}}, Raw: []byte(`{"x":null,"x":1}`)}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[]`:                               "not a JSON object",
		`null`:                             "not a JSON object",
		`{} {}`:                            "invalid character '{' after top-level value",
		`{"Name":"a"}`:                     "unknown field Name: the fields are name, list, raw",
		`{"wol_4fTz0QbX_9sK2":1}`:          "unknown field: the fields are name, list, raw",
		`{"name":"a","n\u0061me":"b"}`:     "name is given twice",
		`{"name":null}`:                    "name is null: write a value or leave it out",
		`{"name":7}`:                       "name is a number: write it in quotes",
		`{"list":null}`:                    "list is not a list",
		`{"list":{}}`:                      "list is not a list",
		`{"list":[null]}`:                  "not a JSON object",
		`{"list":[{"mac":"a","MAC":"b"}]}`: "unknown field MAC: the fields are mac",
		`{"list":[{"mac":"a","mac":"b"}]}`: "mac is given twice",
		`{"list":[{"mac":{"a":1}}]}`:       "list.mac is of the wrong type",
		`{"list":[{"mac":41135085296}]}`:   "list.mac is a number: write it in quotes",
		`{"name":"a","liſt":[]}`:           "unknown field: the fields are name, list, raw", // U+017F, which folds to s
	} {
		if err := strictjson.Decode([]byte(text), new(document)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
