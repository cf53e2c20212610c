package sipp

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// values are what a scenario's file is told.
type values = map[string]string

// The long ones come first: all run at once.
var scenarios = []scenario{
	{name: "session not refreshed", caller: "session-dead", record: ended("caller", "notRefreshed", 408, 0)},
	{name: "our refresh by UPDATE", caller: "session-ours", record: ended("caller", "hangup", 0, 0)},
	{name: "our refresh by re-INVITE, glare", caller: "session-glare", values: values{"update": "no"}, record: ended("caller", "hangup", 0, 0)},
	{name: "lost ACK, no sound", hasty: true, caller: "lost-ack", record: ended("caller", "noAck", 0, 0), wire: times("SIP/2.0 200 OK", 5, 15)},
	{name: "lost ACK, sound", caller: "lost-ack-sound", keys: func(k *keys) { k.quiet(36 * time.Second) }, record: ended("caller", "hangup", 0, 0)},

	{name: "hold by sendonly", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "sendonly", "ip": "[local_ip]", "answer": "recvonly"}, hears: gap(700, 1600)},
	{name: "hold by recvonly", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "recvonly", "ip": "[local_ip]", "answer": "sendonly"}, hears: gap(0, 600)},
	{name: "hold by inactive", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "inactive", "ip": "[local_ip]", "answer": "inactive"}, hears: gap(700, 1600)},
	{name: "hold by 0.0.0.0", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "sendrecv", "ip": "0.0.0.0", "answer": "recvonly"}, hears: gap(700, 1600)},
	{name: "hold by 0.0.0.0 and inactive", caller: "hold", ears: 1, values: values{"by": "INVITE", "dir": "inactive", "ip": "0.0.0.0", "answer": "inactive"}, hears: gap(700, 1600)},
	{name: "hold by UPDATE", caller: "hold", ears: 1, values: values{"by": "UPDATE", "dir": "sendonly", "ip": "[local_ip]", "answer": "recvonly"}, hears: gap(700, 1600)},
	{name: "hold by who is called", caller: "talks", called: []string{"called-holds"}, values: values{"bye": "Reason: cause=16"}, record: ended("called", "hangup", 0, 0)},
	{name: "late offer", caller: "late-offer", ears: 1, hears: both(0, 20)},
	{name: "late offer within the call", caller: "late-reoffer", ears: 2, hears: both(10, 20)},
	{name: "another port by re-INVITE", caller: "moves", ears: 2, values: values{"by": "INVITE", "to": "ear1", "pt": "8"}, hears: both(10, 20)},
	{name: "another port by UPDATE", caller: "moves", ears: 2, values: values{"by": "UPDATE", "to": "ear1", "pt": "8"}, hears: both(10, 20)},
	{name: "another encoding by re-INVITE", caller: "moves", ears: 1, values: values{"by": "INVITE", "to": "ear0", "pt": "0"}, hears: encodings},
	{name: "no encoding in common", caller: "no-codec", ears: 1, hears: gap(0, 500), record: ended("caller", "hangup", 0, 0)},
	{name: "crossing offers", caller: "crossing-offers"},
	{name: "session interval too short", caller: "session-too-short"},
	{name: "their refresh", caller: "session-theirs", ears: 1, hears: gap(0, 500)},
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
	{name: "REFER from a trusted provider", caller: "hangs-up", called: []string{"refers"}, trusted: true, record: transferred},
	{name: "REFER from another provider", caller: "talks", called: []string{"refers-in-vain"}, values: values{"bye": "Reason: cause=16"}, record: ended("called", "hangup", 0, 0)},
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

	{name: "keys by RFC 4733", caller: "keys", number: keysNumber, values: values{"pt": "8 101"}, keys: eventKeys(pressed{packets: 8, ends: 3}), record: typed("123")},
	{name: "keys of 40 ms, each packet twice", caller: "keys", number: keysNumber, values: values{"pt": "8 101"}, keys: eventKeys(pressed{packets: 2, ends: 3, doubled: true}), record: typed("123")},
	{name: "keys without marker and end", caller: "keys", number: keysNumber, values: values{"pt": "8 101"}, keys: eventKeys(pressed{packets: 4, unmarked: true}), record: typed("123")},
	{name: "flash is no key", caller: "keys", number: keysNumber, values: values{"pt": "8 101"}, keys: func(k *keys) {
		k.event(16, pressed{packets: 5, ends: 3})
		eventKeys(pressed{packets: 5, ends: 3})(k)
	}, record: typed("123")},
	{name: "keys in the sound", caller: "keys", number: keysNumber, values: values{"pt": "8"}, keys: toneKeys, record: typed("123")},
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

// gap wants the longest silence between these milliseconds.
func gap(least, most time.Duration) func(*testing.T, []*ear) {
	return func(t *testing.T, ears []*ear) {
		if n, d := len(ears[0].packets()), ears[0].gap(); n < 20 || d < least*time.Millisecond || d > most*time.Millisecond {
			t.Errorf("%d packets, the longest silence %v, want %d to %d ms", n, d, least, most)
		}
	}
}

// both wants at least so many packets: on the last port after the first one fell
// silent, and before on the first.
func both(first, last int) func(*testing.T, []*ear) {
	return func(t *testing.T, ears []*ear) {
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
		if late := before[len(before)-1].at.Sub(final[0].at); late > 20*time.Millisecond {
			t.Errorf("the former port had packets %v later", late)
		}
	}
}

func encodings(t *testing.T, ears []*ear) {
	if a, mu := ears[0].count(8), ears[0].count(0); a < 10 || mu < 20 {
		t.Errorf("%d packets of A-law and %d of µ-law", a, mu)
	}
}

// times wants a line between least and most times in the messages.
func times(line string, least, most int) func(*testing.T, string) {
	return func(t *testing.T, messages string) {
		if n := strings.Count(messages, line); n < least || n > most {
			t.Errorf("%q is there %d times, want %d to %d:\n%s", line, n, least, most, messages)
		}
	}
}

func ended(by, cause string, status, q850 int) func(*testing.T, *ccs.CallRecord) {
	return func(t *testing.T, r *ccs.CallRecord) {
		if r.EndedBy != by || r.Cause != cause || r.Status != status || r.Q850 != q850 {
			t.Errorf("ended by %s, %s, %d, %d; want %s, %s, %d, %d", r.EndedBy, r.Cause, r.Status, r.Q850, by, cause, status, q850)
		}
	}
}

func notReached(reason string, status, q850 int) func(*testing.T, *ccs.CallRecord) {
	return func(t *testing.T, r *ccs.CallRecord) {
		for _, e := range r.Events {
			if e.Kind == ccs.EventNotReached {
				if e.Reason != reason || e.Status != status || e.Q850 != q850 {
					t.Errorf("not reached: %s, %d, %d; want %s, %d, %d", e.Reason, e.Status, e.Q850, reason, status, q850)
				}
				return
			}
		}
		t.Error("the record does not say that nobody was reached")
	}
}

func transferred(t *testing.T, r *ccs.CallRecord) {
	for _, e := range r.Events {
		if e.Kind == ccs.EventTransferred {
			ended("caller", "hangup", 0, 0)(t, r)
			return
		}
	}
	t.Error("the record does not tell of the transfer")
}

func typed(keys string) func(*testing.T, *ccs.CallRecord) {
	return func(t *testing.T, r *ccs.CallRecord) {
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
