package store

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The times of which an order key in nanoseconds tells.
var (
	earliest = time.Unix(0, math.MinInt64+1)
	latest   = time.Unix(0, math.MaxInt64)
)

// OrderKey is how engines keep and compare a document's time: nanoseconds since
// 1970, with the zero time before all others. Times that do not fit (before
// 1678, after 2262) become the nearest that does.
func OrderKey(t time.Time) int64 {
	switch {
	case t.IsZero():
		return math.MinInt64
	case t.Before(earliest):
		return math.MinInt64 + 1
	case t.After(latest):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// FromOrderKey is the time, in UTC, of an OrderKey.
func FromOrderKey(key int64) time.Time {
	if key == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, key).UTC()
}

// A Cursor is a place in a list: the order key (0 in a table without a time)
// and the id of the last document before it. Because it names a document's
// place, not a count, documents that come and go meanwhile neither repeat nor
// hide others.
type Cursor struct {
	Key int64
	ID  string
}

// String is the cursor as Page.Next hands it out.
func (c Cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.Key, 36) + " " + c.ID))
}

// ParseCursor reads Query.After.
func ParseCursor(s string) (Cursor, error) {
	errBad := errors.New("query: after: is not a cursor of a page before")
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return Cursor{}, errBad
	}
	key, id, ok := strings.Cut(string(b), " ")
	if !ok {
		return Cursor{}, errBad
	}
	c := Cursor{ID: id}
	if c.Key, err = strconv.ParseInt(key, 36, 64); err != nil {
		return Cursor{}, errBad
	}
	if err := CheckID(id); err != nil {
		return Cursor{}, fmt.Errorf("%w: %w", errBad, err)
	}
	return c, nil
}
