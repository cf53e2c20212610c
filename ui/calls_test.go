package ui

import (
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

func TestOutcomeOfCalls(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(1_700_000_000+int64(s), 0) }
	queued := ccs.CallEvent{Kind: ccs.EventQueued, At: at(5)}
	left := ccs.CallEvent{Kind: ccs.EventLeftQueue, At: at(20)}
	connected := ccs.CallEvent{Kind: ccs.EventConnected, At: at(20)}
	for want, c := range map[string]ccs.CallRecord{
		"inPlan":      {},
		"waiting":     {Events: []ccs.CallEvent{queued}},
		"talking":     {Events: []ccs.CallEvent{queued, left, connected}, Connected: at(20)},
		"answered":    {Ended: at(60), Answered: at(1), Connected: at(20), EndedBy: "agent", Cause: "hangup"},
		"abandoned":   {Ended: at(60), Answered: at(1), EndedBy: "caller", Events: []ccs.CallEvent{queued, left}},
		"leftEarly":   {Ended: at(60), Answered: at(1), EndedBy: "caller"},
		"notAnswered": {Ended: at(60), Answered: at(1), EndedBy: "system", Events: []ccs.CallEvent{queued, left}},
		"planEnded":   {Ended: at(60), Answered: at(1), EndedBy: "system"},
		"refused":     {Ended: at(60), EndedBy: "system", Cause: "noPlan"},
		"calling":     {Direction: "out"},
		"notReached":  {Direction: "out", Ended: at(60), EndedBy: "called", Cause: "theirBusy"},
		"brokeOff":    {Ended: at(60), Connected: at(20), EndedBy: "system", Cause: "crash"},
	} {
		if got := OutcomeOf(&c).Kind; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestWaitIsTheTimeInQueuesUntilAnAgentTalks(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	event := func(s int, k ccs.EventKind) ccs.CallEvent { return ccs.CallEvent{At: at(s), Kind: k} }
	for name, x := range map[string]struct {
		events []ccs.CallEvent
		want   time.Duration
		any    bool
	}{
		"no queue":             {nil, 0, false},
		"still waiting":        {[]ccs.CallEvent{event(10, ccs.EventQueued)}, 90 * time.Second, true},
		"answered":             {[]ccs.CallEvent{event(10, ccs.EventQueued), event(25, ccs.EventConnected), event(80, ccs.EventEnded)}, 15 * time.Second, true},
		"two queues":           {[]ccs.CallEvent{event(10, ccs.EventQueued), event(20, ccs.EventLeftQueue), event(30, ccs.EventQueued), event(35, ccs.EventLeftQueue)}, 15 * time.Second, true},
		"left with the caller": {[]ccs.CallEvent{event(10, ccs.EventQueued), event(40, ccs.EventEnded)}, 30 * time.Second, true},
	} {
		got, any := Waited(&ccs.CallRecord{Started: start, Events: x.events}, at(100))
		if got != x.want || any != x.any {
			t.Errorf("%s: %v %v, want %v %v", name, got, any, x.want, x.any)
		}
	}
}

func TestSpanReadsLikeAWatch(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0:00", 7400 * time.Millisecond: "0:07", 754 * time.Second: "12:34", 3723 * time.Second: "1:02:03",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
