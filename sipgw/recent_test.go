package sipgw

import "testing"

func TestRecentIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	var r recent[int, int]
	for i := range 10 * maxRecent {
		r.change(i, func(v int) int { return v + 1 })
		r.change(-1, func(v int) int { return v + 1 })
	}
	if n := len(r.now) + len(r.older); n > 2*maxRecent {
		t.Errorf("%d are kept", n)
	}
	if v, ok := r.get(-1); !ok || v != 10*maxRecent {
		t.Errorf("what is used is %d, %v", v, ok)
	}
	if _, ok := r.get(0); ok {
		t.Error("what was not used for long is still there")
	}
}
