package trunk

import (
	"testing"
	"time"
)

func TestAnyAnswerButAFewMeansLife(t *testing.T) {
	for status, want := range map[int]bool{0: false, 200: true, 403: true, 404: true, 405: true, 408: false, 483: true, 500: true, 503: false} {
		if Alive(status) != want {
			t.Errorf("%d means alive %v", status, !want)
		}
	}
}

func TestTargetThatIsDownIsTriedLastAndComesBack(t *testing.T) {
	h, now := NewHealth(30*time.Second), time.Now()
	h.Set([]Endpoint{first, second})
	if due := h.Due(now); len(due) != 2 {
		t.Fatalf("due at first: %v", due)
	}
	if due := h.Due(now); len(due) != 0 {
		t.Errorf("asked twice at once: %v", due)
	}
	for e, status := range map[Endpoint]int{first: 0, second: 200} {
		if changed, back := h.Heard(e, now, status, "", time.Millisecond, true); !changed || back {
			t.Errorf("the first answer of %s: changed %v, back %v", e, changed, back)
		}
	}
	if o := h.Order(); o[0] != second || o[1] != first {
		t.Errorf("order %v", o)
	}
	if due := h.Due(now.Add(11 * time.Second)); len(due) != 1 || due[0] != first {
		t.Errorf("due after 11 s: %v", due)
	}
	if changed, back := h.Heard(first, now.Add(11*time.Second), 200, "OK", time.Millisecond, true); !changed || !back {
		t.Error("that it came back was not noticed")
	}
	if o := h.Order(); o[0] != first {
		t.Errorf("order after it came back: %v", o)
	}
	if due := h.Due(now.Add(31 * time.Second)); len(due) != 1 || due[0] != second {
		t.Errorf("due after 31 s: %v", due)
	}
}

func TestCallThatFailsMarksItsTarget(t *testing.T) {
	h, now := NewHealth(30*time.Second), time.Now()
	h.Set([]Endpoint{first, second})
	h.Due(now)
	h.Heard(first, now, 200, "OK", time.Millisecond, true)
	h.Heard(second, now, 200, "OK", time.Millisecond, true)
	if changed, _ := h.Heard(first, now, 503, "Service Unavailable", 0, false); !changed {
		t.Error("a 503 changed nothing")
	}
	if due := h.Due(now.Add(11 * time.Second)); len(due) != 1 || due[0] != first {
		t.Errorf("due 11 s after the 503: %v", due)
	}
	if o := h.Order(); o[0] != second {
		t.Errorf("order %v", o)
	}
	if changed, _ := h.Heard(Endpoint{Host: "gone"}, now, 200, "", 0, true); changed {
		t.Error("an endpoint that is none changed something")
	}
}

func TestTargetWhoseConnectionEndedIsAskedSoonButNotAllTheTime(t *testing.T) {
	h, now := NewHealth(30*time.Second), time.Now()
	stream := Endpoint{Transport: "TLS", Peer: first.Peer, Host: "a"}
	h.Set([]Endpoint{stream, second})
	h.Due(now)
	h.Heard(stream, now, 200, "OK", time.Millisecond, true)
	h.Heard(second, now, 200, "OK", time.Millisecond, true)
	if h.Lost("TCP", stream.Peer, now) || h.Lost("TLS", second.Peer, now) {
		t.Error("the connection of another ended")
	}
	if !h.Lost("TLS", stream.Peer, now.Add(time.Second)) {
		t.Error("nobody is asked")
	}
	if due := h.Due(now.Add(time.Second)); len(due) != 0 {
		t.Errorf("asked again after 1 s: %v", due)
	}
	now = now.Add(lostPause)
	if due := h.Due(now); len(due) != 1 || due[0] != stream {
		t.Errorf("due after %v: %v", lostPause, due)
	}
	// It ends before its answer is noted.
	h.Lost("TLS", stream.Peer, now)
	h.Heard(stream, now, 200, "OK", time.Millisecond, true)
	if due := h.Due(now.Add(lostPause)); len(due) != 1 || due[0] != stream {
		t.Errorf("due after its answer: %v", due)
	}
}

func TestEndpointsThatStayKeepTheirHealth(t *testing.T) {
	h, now := NewHealth(30*time.Second), time.Now()
	h.Set([]Endpoint{first})
	h.Due(now)
	h.Heard(first, now, 503, "", 0, true)
	h.Set([]Endpoint{first, second})
	if s := h.States(); len(s) != 2 || !s[0].Known || s[0].Up || s[1].Known {
		t.Errorf("states %+v", s)
	}
}
