package mongo

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestJSONSurvivesBSON(t *testing.T) {
	for in, want := range map[string]string{
		`{}`: `{}`,
		` { "b" : [ ] , "a" : { } , "n" : null , "t" : [ true , false ] } `: `{"b":[],"a":{},"n":null,"t":[true,false]}`,
		`{"n":[0,-1,9223372036854775807,-9223372036854775808]}`:             `{"n":[0,-1,9223372036854775807,-9223372036854775808]}`,
		`{"n":[9223372036854775808,18446744073709551615]}`:                  `{"n":[9223372036854775808,18446744073709551615]}`,
		`{"n":[0.1,1.0,1e2,1e300,100000000000000000000]}`:                   `{"n":[0.1,1,100,1e+300,100000000000000000000]}`,
		`{"":"","a.b":"$x","$set":1,"é":"\u00e9\ud83d\ude00"}`:              `{"":"","a.b":"$x","$set":1,"é":"é😀"}`,
	} {
		raw, err := fromJSON([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got, err := toJSON(raw); err != nil || string(got) != want {
			t.Errorf("%s came back as %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{``, `[]`, `{"n":1e999}`, `{"a\u0000b":1}`, `{"a":`} {
		if raw, err := fromJSON([]byte(in)); err == nil {
			t.Errorf("%s was taken as %v", in, raw)
		}
	}
}

func TestWholeNumbersAreIntegers(t *testing.T) {
	raw, err := fromJSON([]byte(`{"n":1,"f":1.5,"big":18446744073709551615}`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bson.Type{"n": bson.TypeInt64, "f": bson.TypeDouble, "big": bson.TypeDecimal128} {
		if got := raw.Lookup(key).Type; got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}

func TestWhatJSONCannotHoldIsRefused(t *testing.T) {
	for _, v := range []any{math.NaN(), math.Inf(1), bson.Regex{Pattern: "x"}} {
		raw, err := bson.Marshal(bson.D{{Key: "in", Value: bson.D{{Key: "v", Value: v}}}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := toJSON(raw); err == nil {
			t.Errorf("%v became %s", v, got)
		}
	}
}

// Whatever the way back makes, it is JSON, and going there and back again
// changes nothing more.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,2.5,"x",null,{"b":true}]}`, `{"n":18446744073709551616}`, `{"n":-0}`, `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		raw, err := fromJSON(data)
		if err != nil {
			return
		}
		once, err := toJSON(raw)
		if err != nil || !json.Valid(once) {
			t.Fatalf("%q came back as %q, %v", data, once, err)
		}
		if raw, err = fromJSON(once); err != nil {
			t.Fatalf("%q: %v", once, err)
		}
		if twice, err := toJSON(raw); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q came back as %q, %v", once, twice, err)
		}
	})
}
