package sipp

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// values are what a scenario's file is told.
type values = map[string]string

// The long ones come first: all run at once.
var scenarios = []scenario{
	{name: "session not refreshed", caller: "session-dead", keys: func(k *keys) { k.noise(70 * time.Second) }, record: ended("caller", "notRefreshed", 408, 0)},
	{name: "our refresh by UPDATE", caller: "session-ours", record: ended("caller", "hangup", 0, 0)},
	{name: "our refresh by re-INVITE, glare", caller: "session-glare", values: values{"update": "no"}, record: ended("caller", "hangup", 0, 0)},
	{name: "lost ACK, no sound", hasty: true, caller: "lost-ack", record: ended("caller", "noAck", 0, 0), wire: times("SIP/2.0 200 OK", 5, 15)},
	{name: "lost ACK, sound", caller: "lost-ack-sound", keys: func(k *keys) { k.quiet(36 * time.Second) }, record: ended("caller", "hangup", 0, 0)},

	{name: "comfort noise is life", caller: "noise", keys: func(k *keys) { k.noise(36 * time.Second) }, record: ended("caller", "hangup", 0, 0)},

	{name: "hold by sendonly", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "sendonly", "ip": "[local_ip]", "answer": "recvonly"}, hears: falls},
	{name: "hold by recvonly", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "recvonly", "ip": "[local_ip]", "answer": "sendonly"}, hears: flows},
	{name: "hold by inactive", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "inactive", "ip": "[local_ip]", "answer": "inactive"}, hears: falls},
	{name: "hold by 0.0.0.0", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "sendrecv", "ip": "0.0.0.0", "answer": "recvonly"}, hears: falls},
	{name: "hold by 0.0.0.0 and inactive", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "inactive", "ip": "0.0.0.0", "answer": "inactive"}, hears: falls},
	{name: "hold by UPDATE", caller: "hold", ears: 1, values: values{"by": "UPDATE", "dir": "sendonly", "ip": "[local_ip]", "answer": "recvonly"}, hears: falls},
	{name: "hold by who is called", caller: "talks", called: []string{"called-holds"}, values: values{"bye": "Reason: cause=16"}, record: ended("called", "hangup", 0, 0)},
	{name: "late offer", caller: "late-offer", ears: 1, hears: both(0, 20)},
	{name: "late offer within the call", caller: "late-reoffer", ears: 2, hears: both(10, 20)},
	{name: "another port by re-INVITE", caller: "moves", ears: 2, values: values{"by": "INVITE", "to": "ear1", "pt": "8"}, hears: both(10, 20)},
	{name: "another port by UPDATE", caller: "moves", ears: 2, values: values{"by": "UPDATE", "to": "ear1", "pt": "8"}, hears: both(10, 20)},
	{name: "another encoding by re-INVITE", caller: "moves", ears: 1, values: values{"by": "INVITE", "to": "ear0", "pt": "0"}, hears: encodings},
	{name: "no encoding in common", caller: "no-codec", ears: 1, hears: flows, record: ended("caller", "hangup", 0, 0)},
	{name: "crossing offers", caller: "crossing-offers"},
	{name: "second INVITE while the first rings", caller: "second-invite", called: []string{"rings"}, record: ended("caller", "hangup", 0, 0)},
	{name: "requests before our answer", caller: "early-asks", called: []string{"early-slowly"}, record: ended("caller", "hangup", 0, 0)},
	{name: "requests before the answer of who is called", caller: "hangs-up", called: []string{"rings-asks"}, record: ended("caller", "hangup", 0, 0)},
	{name: "session interval too short", caller: "session-too-short"},
	{name: "their refresh", caller: "session-theirs", ears: 1, hears: flows},
	{name: "the provider wants a longer session", caller: "hangs-up", called: []string{"asks-longer"}, record: ended("caller", "hangup", 0, 0)},

	{name: "100rel required", caller: "requires-100rel", noCall: true},
	{name: "PRACK", caller: "prack", values: values{"status": "481"}},
	{name: "CANCEL at once", hasty: true, caller: "cancel-at-once", called: []string{""}, lenient: true, record: ended("caller", "cancelled", 0, 0)},
	{name: "CANCEL while it rings", caller: "cancel-ringing", called: []string{"cancelled"}, record: ended("caller", "cancelled", 0, 16)},
	{name: "200 crosses our CANCEL", caller: "cancel-ringing", called: []string{"answers-cancel"}, record: ended("caller", "cancelled", 0, 16)},
	{name: "CANCEL crosses our 200", caller: "cancel-late", values: values{"status": "200"}, ears: 1, hears: both(0, 20), record: ended("caller", "hangup", 0, 0)},
	{name: "INVITE and BYE repeated", hasty: true, caller: "repeated", record: ended("caller", "hangup", 0, 0), wire: times("CSeq: 2 BYE", 3, 5)},
	{name: "merged INVITE", caller: "merged", record: ended("caller", "hangup", 0, 0)},
	{name: "BYE with Reason from the caller", caller: "says-why", values: values{"reason": "Reason: Q.850;cause=31;text=\"x\""}, record: ended("caller", "hangup", 0, 31)},
	{name: "BYE with Reason from who is called", caller: "talks", called: []string{"called-says-why"}, values: values{"reason": "Reason: SIP;cause=480, Q.850;cause=27", "bye": "Reason: Q.850;cause=27"}, record: ended("called", "hangup", 480, 27)},

	{name: "forked answers", caller: "hangs-up", called: []string{"forks"}, record: ended("caller", "hangup", 0, 0)},
	{name: "early media, several 18x", caller: "hears-early", called: []string{"early"}, record: ended("caller", "hangup", 0, 0)},
	{name: "183 without sound", caller: "hears-nothing-early", called: []string{"progress"}, record: ended("caller", "hangup", 0, 0)},
	{name: "private Contact of the caller, two proxies", caller: "private", number: keysNumber, values: values{"pt": "8 101"}, keys: eventKeys(pressed{packets: 8, ends: 3}), record: typed("123")},
	{name: "private Contact of who is called, two proxies", caller: "hangs-up", called: []string{"called-private"}, record: ended("caller", "hangup", 0, 0)},
	{name: "REFER from a trusted provider", caller: "hangs-up", called: []string{"refers"}, trusted: true, record: transferred},
	{name: "REFER from another provider", caller: "talks", called: []string{"refers-in-vain"}, values: values{"bye": "Reason: cause=16"}, record: ended("called", "hangup", 0, 0)},
	{name: "REFER with Replaces", hasty: true, caller: "stays", called: []string{"refers-replacing answers"}, trusted: true, record: ended("called", "transferred", 0, 0)},
	{name: "Replaces from a trusted provider", caller: "takes-over", ears: 2, values: values{"by": "sound"}, hears: handedOver, record: ended("caller", "hangup", 0, 0)},
	{name: "Replaces, and the new telephone presses keys", caller: "takes-over", number: keysNumber, values: values{"by": "keys"}, keys: eventKeys(pressed{packets: 8, ends: 3}), record: typed("123")},
	{name: "Replaces from another provider", caller: "replaces", untrusted: true, values: values{"replaces": "a@b;to-tag=1;from-tag=2", "status": "403"}, noCall: true},
	{name: "Replaces of no call", caller: "replaces", values: values{"replaces": "a@b;to-tag=1;from-tag=2", "status": "481"}, noCall: true},

	{name: "486", caller: "unanswered", called: []string{"refuses"}, values: refusal("486 Busy Here"), record: notReached("theirBusy", 486, 0)},
	{name: "404", caller: "unanswered", called: []string{"refuses"}, values: refusal("404 Not Found"), record: notReached("invalid", 404, 0)},
	{name: "480 and cause 19", caller: "unanswered", called: []string{"refuses"}, values: refusal("480 Temporarily Unavailable", "Q.850;cause=19"), record: notReached("noAnswer", 480, 19)},
	{name: "603", caller: "unanswered", called: []string{"refuses"}, values: refusal("603 Decline"), record: notReached("declined", 603, 0)},
	{name: "403 and cause 1", caller: "unanswered", called: []string{"refuses"}, values: refusal("403 Forbidden", "Q.850;cause=1"), record: notReached("invalid", 403, 1)},
	{name: "503, the second target answers", caller: "hangs-up", called: []string{"refuses", "answers"}, values: refusal("503 Service Unavailable"), record: ended("caller", "hangup", 0, 0)},
	{name: "503 from both targets", caller: "unanswered", called: []string{"refuses", "refuses"}, values: refusal("503 Service Unavailable"), record: notReached("congestion", 503, 0)},
	{name: "486, the second target is not asked", caller: "unanswered", called: []string{"refuses", ""}, values: refusal("486 Busy Here"), record: notReached("theirBusy", 486, 0)},
	{name: "302, forwards are followed", caller: "hangs-up", called: []string{"forwards answers"}, record: ended("caller", "hangup", 0, 0)},
	{name: "302 to where the trunk may not call", caller: "unanswered", called: []string{"forwards"}, values: values{"forward": "+33899123456"}, record: notReached("notAllowed", 302, 0)},

	{name: "302 of an agent's telephone, forwards are not followed", agent: true, lenient: true, caller: "waits", called: []string{"forwards forwards"}, ears: 1, hears: both(0, 50), record: offerEnded("forwarded")},
	{name: "302 of an agent's telephone, forwards are followed", agent: true, queue: func(q *ccs.Queue) { q.FollowForwards = true }, caller: "stays", called: []string{"forwards accepts"}, record: connected},

	{name: "G.722 by its number alone", caller: "encodings", ears: 1, values: values{"pt": "18 9 8", "maps": "no", "map": "", "answer": "9"}, hears: only(9, 160)},
	{name: "the first of several encodings by their numbers", caller: "encodings", ears: 1, values: values{"pt": "0 8 101", "maps": "no", "map": "", "answer": "0"}, hears: only(0, 160)},
	{name: "dynamic payload type", caller: "encodings", ears: 1, values: values{"pt": "97 0", "maps": "", "map": "97 PCMA/8000", "answer": "97"}, hears: only(97, 160)},
	{name: "a number that means something else", caller: "encodings", ears: 1, values: values{"pt": "8 0", "maps": "no", "map": "8 X-NEW/8000", "answer": "0"}, hears: only(0, 160)},
	{name: "A-law is not touched", caller: "says", called: []string{"listens"}, ears: 1, values: values{"pt": "8", "ptime": "20"}, keys: func(k *keys) { k.marked(8, 2*time.Second) }, hears: unchanged(8, 160, 50)},
	{name: "µ-law is not touched", caller: "says", called: []string{"listens"}, ears: 1, values: values{"pt": "0", "ptime": "20"}, keys: func(k *keys) { k.marked(0, 2*time.Second) }, hears: unchanged(0, 160, 50)},
	{name: "G.722 is not touched", caller: "says", called: []string{"listens"}, ears: 1, values: values{"pt": "9", "ptime": "20"}, keys: func(k *keys) { k.marked(9, 2*time.Second) }, hears: unchanged(9, 160, 50)},
	{name: "sound of 10 ms is not touched", caller: "says", called: []string{"listens"}, ears: 1, values: values{"pt": "8", "ptime": "10"}, keys: func(k *keys) { k.each = 10 * time.Millisecond; k.marked(8, 2*time.Second) }, hears: unchanged(8, 80, 100)},
	{name: "sound of 30 ms is not touched", caller: "says", called: []string{"listens"}, ears: 1, values: values{"pt": "8", "ptime": "30"}, keys: func(k *keys) { k.each = 30 * time.Millisecond; k.marked(8, 2*time.Second) }, hears: unchanged(8, 240, 33)},
	{name: "sound of 60 ms is not touched", caller: "says", called: []string{"listens"}, ears: 1, values: values{"pt": "8", "ptime": "60"}, keys: func(k *keys) { k.each = 60 * time.Millisecond; k.marked(8, 2*time.Second) }, hears: unchanged(8, 480, 16)},
	{name: "packets of 10 ms", caller: "packets", ears: 1, values: values{"ptime": "10"}, hears: only(8, 80)},
	{name: "packets of 30 ms", caller: "packets", ears: 1, values: values{"ptime": "30"}, hears: only(8, 240)},
	{name: "packets of 60 ms", caller: "packets", ears: 1, values: values{"ptime": "60"}, hears: only(8, 480)},

	{name: "keys by RFC 4733", caller: "keys", number: keysNumber, values: values{"pt": "8 101"}, keys: eventKeys(pressed{packets: 8, ends: 3}), record: typed("123")},
	{name: "keys of 40 ms, each packet twice", caller: "keys", number: keysNumber, values: values{"pt": "8 101"}, keys: eventKeys(pressed{packets: 2, ends: 3, doubled: true}), record: typed("123")},
	{name: "keys without marker and end", caller: "keys", number: keysNumber, values: values{"pt": "8 101"}, keys: eventKeys(pressed{packets: 4, unmarked: true}), record: typed("123")},
	{name: "flash is no key", caller: "keys", number: keysNumber, values: values{"pt": "8 101"}, keys: func(k *keys) {
		k.event(16, pressed{packets: 5, ends: 3})
		eventKeys(pressed{packets: 5, ends: 3})(k)
	}, record: typed("123")},
	{name: "keys in the sound", caller: "keys", number: keysNumber, values: values{"pt": "8"}, keys: toneKeys, record: typed("123")},
	{name: "keys in packets of 10 ms", caller: "keys", number: keysNumber, values: values{"pt": "8"}, keys: func(k *keys) { k.each = 10 * time.Millisecond; toneKeys(k) }, record: typed("123")},
	{name: "keys in packets of 30 ms", caller: "keys", number: keysNumber, values: values{"pt": "8"}, keys: func(k *keys) { k.each = 30 * time.Millisecond; toneKeys(k) }, record: typed("123")},
	{name: "keys in packets of 60 ms", caller: "keys", number: keysNumber, values: values{"pt": "8"}, keys: func(k *keys) { k.each = 60 * time.Millisecond; toneKeys(k) }, record: typed("123")},
	{name: "keys between comfort noise and silence", caller: "keys", number: keysNumber, values: values{"pt": "8 13 101"}, keys: func(k *keys) {
		k.quiet(200 * time.Millisecond)
		k.noise(400 * time.Millisecond)
		k.pause(400 * time.Millisecond) // of which nothing is sent
		eventKeys(pressed{packets: 8, ends: 3})(k)
		k.noise(200 * time.Millisecond)
	}, record: typed("123")},
	{name: "keys by INFO", caller: "keys-by-info", number: keysNumber, record: typed("123")},
	{name: "one key by RFC 4733 and INFO", caller: "keys-twice", number: keysNumber, keys: func(k *keys) {
		k.event(1, pressed{packets: 8, ends: 3})
		k.quiet(time.Second)
	}, record: typed("1")},
}

func refusal(status string, reason ...string) values {
	v := values{"status": status, "reason": "Server: Provider"}
	if len(reason) > 0 {
		v["reason"] = "Reason: " + reason[0]
	}
	return v
}

// eventKeys presses 1, 2 and 3.
func eventKeys(p pressed) func(*keys) {
	return func(k *keys) {
		for code := range byte(3) {
			k.quiet(100 * time.Millisecond)
			k.event(code+1, p)
		}
		k.quiet(100 * time.Millisecond)
	}
}

func toneKeys(k *keys) {
	for _, high := range []float64{1209, 1336, 1477} {
		k.quiet(100 * time.Millisecond)
		k.tone(697, high, 100*time.Millisecond)
	}
	k.quiet(200 * time.Millisecond)
}

// falls wants sound that is silent for a while and comes back.
func falls(t *trial, ears []*ear) {
	if d, before, after := ears[0].gap(); d < 2*time.Second || before < 5 || after < 5 {
		t.Errorf("the longest silence is %v after %d packets and before %d, want 2 s at least", d, before, after)
	}
}

// flows wants sound throughout: a hold, of 3 s, would be longer than what a busy
// machine leaves out.
func flows(t *trial, ears []*ear) {
	if d, before, after := ears[0].gap(); before+after < 20 || d > 2*time.Second {
		t.Errorf("%d packets, the longest silence %v, want 2 s at most", before+after, d)
	}
}

// both wants at least so many packets: on the last port after the first one fell
// silent, and before on the first. The numbers of the packets tell which came
// first.
func both(first, last int) func(*trial, []*ear) {
	return func(t *trial, ears []*ear) {
		final := ears[len(ears)-1].packets()
		if len(final) < last {
			t.Fatalf("%d packets, want %d", len(final), last)
		}
		if len(ears) == 1 {
			return
		}
		before := ears[0].packets()
		if len(before) < first {
			t.Fatalf("%d packets before the change, want %d", len(before), first)
		}
		if late := int16(before[len(before)-1].sequence - final[0].sequence); late >= 0 {
			t.Errorf("the former port had %d packets more", late)
		}
	}
}

// handedOver wants sound on the second port when the first one, of a telephone
// that is replaced, has fallen silent.
func handedOver(t *trial, ears []*ear) {
	before, after := ears[0].packets(), ears[1].packets()
	if len(before) < 10 || len(after) < 20 {
		t.Fatalf("%d packets at first and %d then", len(before), len(after))
	}
	if left := after[len(after)-1].at.Sub(before[len(before)-1].at); left < time.Second {
		t.Errorf("the former telephone was sent sound until %v before the end", left)
	}
}

// only wants packets of one payload type and size.
func only(kind byte, size int) func(*trial, []*ear) {
	return func(t *trial, ears []*ear) {
		all := ears[0].packets()
		if len(all) < 10 {
			t.Errorf("%d packets", len(all))
		}
		for _, h := range all {
			if h.kind != kind || len(h.sound) != size {
				t.Fatalf("payload type %d with %d bytes, want %d with %d", h.kind, len(h.sound), kind, size)
			}
		}
	}
}

// unchanged wants sound of marked with not a byte changed and not a packet lost
// between the first and the last that came.
func unchanged(kind byte, size, least int) func(*trial, []*ear) {
	return func(t *trial, ears []*ear) {
		same, last, filled := 0, heard{}, uint16(0)
		for _, h := range ears[0].packets() {
			if h.kind != kind || len(h.sound) != size || !bytes.Equal(h.sound, patternOf(int(binary.BigEndian.Uint16(h.sound)), size)) {
				filled++ // silence before and after, and while the caller stands still
				continue
			}
			if same > 0 && binary.BigEndian.Uint16(h.sound)-binary.BigEndian.Uint16(last.sound) != h.sequence-last.sequence-filled {
				t.Errorf("packet %x came as %d, after %x as %d and %d of silence", h.sound[:2], h.sequence, last.sound[:2], last.sequence, filled)
			}
			same, last, filled = same+1, h, 0
		}
		if same < least {
			t.Errorf("%d of %d packets came as they were sent, want %d", same, len(ears[0].packets()), least)
		}
	}
}

func encodings(t *trial, ears []*ear) {
	if a, mu := ears[0].count(8), ears[0].count(0); a < 10 || mu < 20 {
		t.Errorf("%d packets of A-law and %d of µ-law", a, mu)
	}
}

// times wants a line between least and most times in the messages.
func times(line string, least, most int) func(*trial, string) {
	return func(t *trial, messages string) {
		if n := strings.Count(messages, line); n < least || n > most {
			t.Errorf("%q is there %d times, want %d to %d:\n%s", line, n, least, most, messages)
		}
	}
}

func ended(by, cause string, status, q850 int) func(*trial, *ccs.CallRecord) {
	return func(t *trial, r *ccs.CallRecord) {
		if r.EndedBy != by || r.Cause != cause || r.Status != status || r.Q850 != q850 {
			t.Errorf("ended by %s, %s, %d, %d; want %s, %s, %d, %d", r.EndedBy, r.Cause, r.Status, r.Q850, by, cause, status, q850)
		}
	}
}

func notReached(reason string, status, q850 int) func(*trial, *ccs.CallRecord) {
	return func(t *trial, r *ccs.CallRecord) {
		switch e := event(r, ccs.EventNotReached); {
		case e == nil:
			t.Error("the record does not say that nobody was reached")
		case e.Reason != reason || e.Status != status || e.Q850 != q850:
			t.Errorf("not reached: %s, %d, %d; want %s, %d, %d", e.Reason, e.Status, e.Q850, reason, status, q850)
		}
	}
}

func transferred(t *trial, r *ccs.CallRecord) {
	if event(r, ccs.EventTransferred) == nil {
		t.Error("the record does not tell of the transfer")
	}
	ended("caller", "hangup", 0, 0)(t, r)
}

// event is the first of a kind, or nil.
func event(r *ccs.CallRecord, kind ccs.EventKind) *ccs.CallEvent {
	for i := range r.Events {
		if r.Events[i].Kind == kind {
			return &r.Events[i]
		}
	}
	return nil
}

// offerEnded wants a caller whose offer ended so, and who stayed in the queue.
func offerEnded(reason string) func(*trial, *ccs.CallRecord) {
	return func(t *trial, r *ccs.CallRecord) {
		if e := event(r, ccs.EventOfferEnded); e == nil || e.Reason != reason {
			t.Errorf("the offer ended by %+v, want %s", e, reason)
		}
		if e := event(r, ccs.EventConnected); e != nil {
			t.Errorf("connected: %+v", e)
		}
		ended("caller", "hangup", 0, 0)(t, r)
	}
}

// connected wants a caller whom the agent talked with at another number.
func connected(t *trial, r *ccs.CallRecord) {
	if event(r, ccs.EventConnected) == nil {
		t.Error("the agent did not take the call")
	}
	ended("caller", "hangup", 0, 0)(t, r)
}

func typed(keys string) func(*trial, *ccs.CallRecord) {
	return func(t *trial, r *ccs.CallRecord) {
		got := ""
		for _, e := range r.Events {
			if e.Kind == ccs.EventKeys {
				got += e.Digits
			}
		}
		if got != keys {
			t.Errorf("the keys are %q, want %q", got, keys)
		}
	}
}
