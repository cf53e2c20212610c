package mongo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// fromJSON makes a JSON object a BSON document of the same keys in the same
// order. Whole numbers become 64-bit integers, or decimals where neither those
// nor floating point can hold them; strings stay strings, times among them.
func fromJSON(data []byte) (bson.Raw, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := decodeValue(d)
	if err != nil {
		return nil, err
	}
	object, ok := value.(bson.D)
	if !ok {
		return nil, errors.New("is not a JSON object")
	}
	raw, err := bson.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("make it BSON: %w", err)
	}
	return raw, nil
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return decodeArray(d)
		}
		return decodeObject(d)
	case json.Number:
		return number(token.String())
	}
	return token, nil
}

func decodeObject(d *json.Decoder) (any, error) {
	object := bson.D{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		object = append(object, bson.E{Key: key.(string), Value: value}) // what Token returns there
	}
	_, err := d.Token() // }
	return object, err
}

func decodeArray(d *json.Decoder) (any, error) {
	array := bson.A{}
	for d.More() {
		value, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	_, err := d.Token() // ]
	return array, err
}

func number(s string) (any, error) {
	whole := !strings.ContainsAny(s, ".eE")
	if whole {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("number %s is out of range", s)
	}
	if whole && strconv.FormatFloat(f, 'f', -1, 64) != s {
		if d, err := bson.ParseDecimal128(s); err == nil && d.String() == s {
			return d, nil
		}
	}
	return f, nil
}

// toJSON is the way back. Of the types that JSON does not have it knows dates
// and the like, which an operator may have put there by hand.
func toJSON(raw bson.Raw) ([]byte, error) {
	return appendObject(nil, raw)
}

func appendObject(b []byte, raw bson.Raw) ([]byte, error) {
	elements, err := raw.Elements()
	if err != nil {
		return nil, fmt.Errorf("data is broken: %w", err)
	}
	b = append(b, '{')
	for i, e := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendString(b, e.Key()); err != nil {
			return nil, err
		}
		b = append(b, ':')
		if b, err = appendValue(b, e.Value()); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Key(), err)
		}
	}
	return append(b, '}'), nil
}

func appendArray(b []byte, raw bson.RawArray) ([]byte, error) {
	values, err := raw.Values()
	if err != nil {
		return nil, fmt.Errorf("data is broken: %w", err)
	}
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, v); err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
	}
	return append(b, ']'), nil
}

func appendValue(b []byte, v bson.RawValue) ([]byte, error) {
	switch v.Type {
	case bson.TypeNull, bson.TypeUndefined:
		return append(b, "null"...), nil
	case bson.TypeBoolean:
		return strconv.AppendBool(b, v.Boolean()), nil
	case bson.TypeInt32:
		return strconv.AppendInt(b, int64(v.Int32()), 10), nil
	case bson.TypeInt64:
		return strconv.AppendInt(b, v.Int64(), 10), nil
	case bson.TypeDouble:
		return appendFloat(b, v.Double())
	case bson.TypeDecimal128:
		s := v.Decimal128().String()
		if !json.Valid([]byte(s)) {
			return nil, fmt.Errorf("number %s cannot be JSON", s)
		}
		return append(b, s...), nil
	case bson.TypeString:
		return appendString(b, v.StringValue())
	case bson.TypeDateTime:
		return appendString(b, time.UnixMilli(v.DateTime()).UTC().Format(time.RFC3339Nano))
	case bson.TypeObjectID:
		return appendString(b, v.ObjectID().Hex())
	case bson.TypeEmbeddedDocument:
		return appendObject(b, v.Document())
	case bson.TypeArray:
		return appendArray(b, v.Array())
	}
	return nil, fmt.Errorf("type %s cannot be JSON", v.Type)
}

func appendFloat(b []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("number %v cannot be JSON", f)
	}
	text, err := json.Marshal(f)
	return append(b, text...), err
}

func appendString(b []byte, s string) ([]byte, error) {
	text, err := json.Marshal(s)
	return append(b, text...), err
}
