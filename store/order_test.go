package store

import (
	"math"
	"testing"
	"time"
)

func TestOrderKeysKeepTheOrderOfTimes(t *testing.T) {
	times := []time.Time{
		{},
		time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, -1), time.Unix(0, 0),
		time.Unix(0, 1), time.Date(2025, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600)), time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC),
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for i := 1; i < len(times); i++ {
		if OrderKey(times[i-1]) >= OrderKey(times[i]) {
			t.Errorf("%v does not come before %v", times[i-1], times[i])
		}
	}
	if !FromOrderKey(OrderKey(time.Time{})).IsZero() {
		t.Error("the zero time does not come back")
	}
}

// Whatever comes as a cursor is refused or is one, which comes back as it was.
func FuzzParseCursor(f *testing.F) {
	for _, c := range []Cursor{{ID: "a"}, {Key: math.MinInt64, ID: "a b"}, {Key: math.MaxInt64, ID: "é"}} {
		if got, err := ParseCursor(c.String()); err != nil || got != c {
			f.Errorf("%+v came back as %+v, %v", c, got, err)
		}
		f.Add(c.String())
	}
	f.Add("")
	f.Add("YWJj")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			return
		}
		if again, err := ParseCursor(c.String()); err != nil || again != c {
			t.Errorf("%q: %+v, then %+v, %v", s, c, again, err)
		}
	})
}
