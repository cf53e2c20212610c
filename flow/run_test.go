package flow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

var mondays = &ccs.WeeklyHours{Rows: []ccs.HoursRow{{Days: []time.Weekday{time.Monday}, From: 600, To: 601}}}

func when(conditions ...ccs.Condition) []ccs.Condition { return conditions }

func from(prefixes ...string) ccs.Condition {
	return ccs.Condition{CallerFilter: &ccs.CallerFilter{Prefixes: prefixes}}
}

func TestPlanRunsFromTopToBottom(t *testing.T) {
	anonymous := func(policy ccs.AnonymousPolicy, message ccs.Prompt) *ccs.PlanVersion {
		v := plan(play("s1"))
		v.Flow.Anonymous, v.Flow.AnonymousMessage = policy, message
		return v
	}
	farewell := func(actions ...ccs.Action) *ccs.PlanVersion {
		v := plan(actions...)
		v.Flow.Farewell = ccs.Prompt{Sound: "s2"}
		return v
	}
	hours := ccs.Condition{WeeklyHours: mondays}
	tests := []struct {
		name     string
		plan     *ccs.PlanVersion
		scenario Scenario
		want     string
	}{
		{"no steps", steps(), Scenario{}, "system/planEnd"},
		{"no media leaves the call unanswered", plan(named("VIP"), sleep(time.Second)), Scenario{}, "setCallerName sleep system/planEnd"},
		{"the first sound answers", plan(named("VIP"), play("s1")), Scenario{}, "setCallerName playback:s1 answer system/planEnd"},
		{"a text answers", plan(speak("t1"), speak("t1")), Scenario{}, "tts:t1 answer tts:t1 system/planEnd"},
		{"a queue answers", plan(enter("q1")), Scenario{}, "queue:q1 answer left:connected agent/hangup"},
		{"a hang-up before any sound", plan(hangup, play("s1")), Scenario{}, "hangup system/planHangup"},
		{
			"a hang-up ends all steps", steps(ccs.Step{Actions: []ccs.Action{play("s1"), hangup}}, ccs.Step{Actions: []ccs.Action{play("s2")}}),
			Scenario{},
			"playback:s1 answer hangup system/planHangup",
		},
		{"farewell after an answer", farewell(play("s1")), Scenario{}, "playback:s1 answer farewell:s2 system/planEnd"},
		{"no farewell without one", farewell(named("x")), Scenario{}, "setCallerName system/planEnd"},

		{"hidden number accepted", anonymous("", ccs.Prompt{}), Scenario{Anonymous: true}, "playback:s1 answer system/planEnd"},
		{"hidden number refused", anonymous(ccs.AnonymousRefuse, ccs.Prompt{}), Scenario{Anonymous: true}, "system/anonymous"},
		{"hidden number told", anonymous(ccs.AnonymousMessage, ccs.Prompt{Sound: "s2"}), Scenario{Anonymous: true}, "anonymous:s2 answer system/anonymous"},
		{"hidden number told by default", anonymous(ccs.AnonymousMessage, ccs.Prompt{}), Scenario{Anonymous: true}, "anonymous:anonymousRefused answer system/anonymous"},
		{"policy is for hidden numbers", anonymous(ccs.AnonymousRefuse, ccs.Prompt{}), Scenario{From: "+331"}, "playback:s1 answer system/planEnd"},

		{
			"disabled step", steps(ccs.Step{Disabled: true, Actions: []ccs.Action{hangup}}, ccs.Step{Actions: []ccs.Action{play("s1")}}),
			Scenario{},
			"step:disabled playback:s1 answer system/planEnd",
		},
		{
			"condition holds", steps(ccs.Step{Conditions: when(hours), Actions: []ccs.Action{play("s1")}, Otherwise: []ccs.Action{play("s2")}}),
			Scenario{},
			"step:holds playback:s1 answer system/planEnd",
		},
		{
			"condition fails, then the next step", steps(
				ccs.Step{Conditions: when(hours), Actions: []ccs.Action{play("s1")}, Otherwise: []ccs.Action{play("s2")}},
				ccs.Step{Actions: []ccs.Action{speak("t1")}}),
			Scenario{At: at.Add(time.Minute)},
			"step:fails playback:s2 answer tts:t1 system/planEnd",
		},
		{
			"all must hold", steps(ccs.Step{Conditions: when(hours, from("+33")), Actions: []ccs.Action{play("s1")}, Otherwise: []ccs.Action{play("s2")}}),
			Scenario{From: "+32"},
			"step:fails playback:s2 answer system/planEnd",
		},
		{
			"all hold", steps(ccs.Step{Conditions: when(hours, from("+33")), Actions: []ccs.Action{play("s1")}, Otherwise: []ccs.Action{play("s2")}}),
			Scenario{From: "+331"},
			"step:holds playback:s1 answer system/planEnd",
		},
		{
			"any suffices", steps(ccs.Step{Any: true, Conditions: when(hours, from("+33")), Actions: []ccs.Action{play("s1")}, Otherwise: []ccs.Action{play("s2")}}),
			Scenario{From: "+32"},
			"step:holds playback:s1 answer system/planEnd",
		},
		{
			"not any", steps(ccs.Step{Any: true, Conditions: when(hours, from("+33")), Actions: []ccs.Action{play("s1")}, Otherwise: []ccs.Action{play("s2")}}),
			Scenario{From: "+32", At: at.Add(time.Hour)},
			"step:fails playback:s2 answer system/planEnd",
		},
		{
			"conditions are looked at when the call comes to them", steps(
				ccs.Step{Conditions: when(hours), Actions: []ccs.Action{sleep(time.Minute)}},
				ccs.Step{Conditions: when(hours), Otherwise: []ccs.Action{play("s2")}}),
			Scenario{},
			"step:holds sleep step:fails playback:s2 answer system/planEnd",
		},

		{
			"queue not answered goes on", plan(enter("q1"), play("s1")),
			Scenario{Queues: []QueueAnswer{{Exit: QueueMaxWait}}},
			"queue:q1 answer left:maxWait playback:s1 system/planEnd",
		},
		{"queue without members", plan(enter("empty"), play("s1")), Scenario{}, "queue:empty left:closed playback:s1 answer system/planEnd"},
		{
			"full queue refuses at once, without notice", plan(enter("q2")),
			Scenario{Queues: []QueueAnswer{{Exit: QueueFull}}},
			"queue:q2 left:full system/planEnd",
		},
		{"notice before a recording queue", plan(enter("q2")), Scenario{}, "queue:q2 recordingNotice:recordingNotice answer left:connected agent/hangup"},
		{
			"notice once a call", plan(enter("q2"), enter("q2")),
			Scenario{Queues: []QueueAnswer{{Exit: QueueMaxWait}}},
			"queue:q2 recordingNotice:recordingNotice answer left:maxWait queue:q2 left:connected agent/hangup",
		},
		{
			"agent lost for good", plan(enter("q1"), play("s1")),
			Scenario{Queues: []QueueAnswer{{Exit: QueueAgentLost}}},
			"queue:q1 answer left:agentLost playback:s1 system/planEnd",
		},

		{"unknown queue", plan(enter("nowhere"), play("s1")), Scenario{}, "queue:nowhere actionFailed:unknownObject playback:s1 answer system/planEnd"},
		{"unknown menu", plan(runMenu("nowhere"), play("s1")), Scenario{}, "actionFailed:unknownObject playback:s1 answer system/planEnd"},
		{"unknown sound", plan(play("nowhere"), play("s1")), Scenario{}, "playback:nowhere promptFailed:unknownObject answer playback:s1 system/planEnd"},
		{"unknown action", plan(ccs.Action{}, play("s1")), Scenario{}, " actionFailed:unknownAction playback:s1 answer system/planEnd"},
		{"menu action in the plan", plan(menuBack, play("s1")), Scenario{}, "menuBack actionFailed:outsideMenu playback:s1 answer system/planEnd"},

		{"caller leaves before the answer", plan(sleep(time.Minute), play("s1")), Scenario{HangupAfter: 5000}, "sleep caller/cancelled"},
		{"caller leaves in the queue", plan(enter("q1"), play("s1")), Scenario{HangupAfter: 5000}, "queue:q1 answer caller/hangup"},
		{"a call has an end", plan(sleep(24*time.Hour), play("s1")), Scenario{}, "sleep system/maxDuration"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.scenario.At.IsZero() {
				test.scenario.At = at
			}
			if got := path(Simulate(snapshot(), test.plan, test.scenario, Limits{})); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestQueueExitsPlayAndHangUpAsConfigured(t *testing.T) {
	s := snapshot()
	s.Queues["q1"].Overflow = ccs.QueueExit{Prompt: ccs.Prompt{Sound: "s2"}}
	s.Queues["q1"].Closure = ccs.QueueExit{Prompt: ccs.Prompt{Builtin: ccs.BuiltinClosed}, Hangup: true}
	for exit, want := range map[QueueExit]string{
		QueueFull:    "queue:q1 left:full full:s2 answer playback:s1 system/planEnd",
		QueueClosed:  "queue:q1 left:closed closed:closed answer system/queueHangup",
		QueueMaxWait: "queue:q1 answer left:maxWait playback:s1 system/planEnd",
	} {
		got := path(Simulate(s, plan(enter("q1"), play("s1")), Scenario{At: at, Queues: []QueueAnswer{{Queue: "q1", Exit: exit}}}, Limits{}))
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", exit, got, want)
		}
	}
	// The last agent may also leave while somebody waits.
	got := path(Simulate(s, plan(enter("q1")), Scenario{At: at, Queues: []QueueAnswer{{Exit: QueueClosed, After: 7000}}}, Limits{}))
	if want := "queue:q1 answer left:closed closed:closed system/queueHangup"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDeletedNoticeBecomesTheBuiltInOne(t *testing.T) {
	s := snapshot()
	s.Queues["q2"].Notice = ccs.Prompt{Sound: "deleted"}
	got := path(Simulate(s, plan(enter("q2")), Scenario{At: at}, Limits{}))
	if want := "queue:q2 recordingNotice:recordingNotice answer left:connected agent/hangup"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGuardsEndTheCallWithAClearCause(t *testing.T) {
	loop := menu("loop", key("1"))
	deep := make([]*ccs.Menu, 0, 14)
	for i := range 14 {
		deep = append(deep, menu(fmt.Sprint("m", i), key("1", runMenu(fmt.Sprint("m", i+1)))))
	}
	tests := []struct {
		name   string
		plan   *ccs.PlanVersion
		menus  []*ccs.Menu
		limits Limits
		keys   string
		guard  string
		value  string
	}{
		{name: "steps", plan: steps(make([]ccs.Step, 201)...), guard: "steps", value: "200"},
		{name: "steps exactly", plan: steps(make([]ccs.Step, 200)...)},
		{name: "actions", plan: plan(make([]ccs.Action, 51)...), guard: "actions", value: "50"},
		{name: "actions of a key", menus: []*ccs.Menu{menu("m", key("1", make([]ccs.Action, 51)...))}, plan: plan(runMenu("m")), keys: "1", guard: "actions", value: "50"},
		{name: "depth", menus: deep, plan: plan(runMenu("m0")), keys: "1111111111111", guard: "depth", value: "12"},
		{name: "depth exactly", menus: deep[:12], plan: plan(runMenu("m0")), keys: "11111111111"},
		{name: "executed", menus: []*ccs.Menu{loop}, plan: plan(runMenu("loop")), keys: strings.Repeat("1", 600), guard: "executed", value: "500"},
		{name: "executed, set lower", plan: plan(play("s1"), play("s1"), play("s1")), limits: Limits{Executed: 2}, guard: "executed", value: "2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trace := Simulate(snapshot(test.menus...), test.plan, Scenario{At: at, Keys: presses(test.keys)}, test.limits)
			var guard, value string
			for _, e := range trace.Events {
				if e.Kind == ccs.EventLimit {
					guard, value = e.Reason, e.Name
				}
			}
			if guard != test.guard || value != test.value {
				t.Errorf("the timeline names guard %q of %q, want %q of %q", guard, value, test.guard, test.value)
			}
			if ended := trace.Cause.Reason == call.ReasonLimit; ended != (test.guard != "") {
				t.Errorf("the call ended by %v", trace.Cause)
			}
		})
	}
}

// broken is a phone whose operations fail without the call being over.
type broken struct {
	pretend
	answer, play, key, queue error
}

func (b *broken) Answer() error {
	if b.answer != nil {
		return b.answer
	}
	return b.pretend.Answer()
}

func (b *broken) Play(p ccs.Prompt, untilKey bool) error {
	if b.play != nil {
		return b.play
	}
	return b.pretend.Play(p, untilKey)
}

func (b *broken) Key(timeout time.Duration) (byte, bool, error) {
	if b.key != nil {
		return 0, false, b.key
	}
	return b.pretend.Key(timeout)
}

func (b *broken) Queue(q *ccs.Queue) (QueueExit, error) {
	if b.queue != nil {
		return "", b.queue
	}
	return b.pretend.Queue(q)
}

func TestFailuresOfTheSystem(t *testing.T) {
	bad := errors.New("out of order")
	gone := fmt.Errorf("caller: %w", call.ErrOver)
	tests := []struct {
		name  string
		phone broken
		plan  *ccs.PlanVersion
		want  call.Reason
		notes ccs.EventKind
	}{
		{"a prompt that fails does not end the call", broken{play: bad}, plan(play("s1"), enter("empty"), hangup), call.ReasonPlanHangup, ccs.EventPromptFailed},
		{"a queue that fails does not end the call", broken{queue: bad}, plan(enter("q1"), hangup), call.ReasonPlanHangup, ccs.EventActionFailed},
		{"an answer that fails does", broken{answer: bad}, plan(enter("q1"), hangup), call.ReasonFailed, ""},
		{"keys that fail do", broken{key: bad}, plan(runMenu("m"), hangup), call.ReasonFailed, ""},
		{"over at the answer", broken{answer: gone}, plan(enter("q1"), hangup), "", ""},
		{"over in a prompt", broken{play: gone}, plan(play("s1"), hangup), "", ""},
		{"over at a key", broken{key: gone}, plan(runMenu("m"), hangup), "", ""},
		{"over in a queue", broken{queue: gone}, plan(enter("q1"), hangup), "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := snapshot(menu("m", key("1", hangup)))
			p := &test.phone
			p.snapshot, p.now, p.until = s, at, at.Add(time.Hour)
			if got := Run(p, s, test.plan, Limits{}).Reason; got != test.want {
				t.Errorf("ended by %q, want %q", got, test.want)
			}
			noted := test.notes == ""
			for _, e := range p.events {
				noted = noted || e.Kind == test.notes
			}
			if !noted {
				t.Errorf("no %q in the timeline: %v", test.notes, p.events)
			}
		})
	}
}

// deaf cannot play some prompts, and keeps whether the queue was to record.
type deaf struct {
	pretend
	to       map[ccs.Prompt]bool
	recorded []bool
}

func (d *deaf) Play(p ccs.Prompt, untilKey bool) error {
	if d.to[p] {
		return errors.New("out of order")
	}
	return d.pretend.Play(p, untilKey)
}

func (d *deaf) Queue(q *ccs.Queue) (QueueExit, error) {
	d.recorded = append(d.recorded, q.Record)
	return QueueMaxWait, nil
}

func TestNobodyIsRecordedWhoWasNotTold(t *testing.T) {
	own, builtin := ccs.Prompt{Sound: "s2"}, ccs.Prompt{Builtin: ccs.BuiltinNotice}
	for name, test := range map[string]struct {
		fails map[ccs.Prompt]bool
		want  bool
	}{
		"the queue's own notice is heard": {nil, true},
		"the built-in one stands in":      {map[ccs.Prompt]bool{own: true}, true},
		"no notice can be heard":          {map[ccs.Prompt]bool{own: true, builtin: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot()
			s.Queues["q2"].Notice = own
			p := &deaf{to: test.fails}
			p.snapshot, p.now, p.until = s, at, at.Add(time.Hour)
			Run(p, s, plan(enter("q2"), enter("q2")), Limits{})
			if want := []bool{test.want, test.want}; !slices.Equal(p.recorded, want) {
				t.Errorf("recorded %v, want %v", p.recorded, want)
			}
			if !s.Queues["q2"].Record {
				t.Error("the configuration was changed")
			}
		})
	}
}

func TestEventsNameStepActionAndObject(t *testing.T) {
	v := steps(ccs.Step{ID: "S", Name: "Welcome", Conditions: when(ccs.Condition{WeeklyHours: mondays}), Actions: []ccs.Action{{ID: "A", Queue: &ccs.EnterQueue{Queue: "q1"}}}})
	trace := Simulate(snapshot(), v, Scenario{At: at}, Limits{})
	want := []ccs.CallEvent{
		{At: at, Kind: ccs.EventArrived},
		{At: at, Step: "S", Kind: ccs.EventCondition, Name: "weeklyHours", Reason: "holds"},
		{At: at, Step: "S", Kind: ccs.EventStep, Name: "Welcome", Reason: "holds"},
		{At: at, Step: "S", Kind: ccs.EventAction, Action: "A", Object: "q1", Name: "q1", Reason: "queue"},
		{At: at, Kind: ccs.EventAnswered},
		{At: at, Step: "S", Kind: ccs.EventQueued, Action: "A", Object: "q1", Name: "q1"},
		{At: at.Add(10 * time.Second), Kind: ccs.EventLeftQueue, Object: "q1", Name: "q1", Reason: "connected"},
		{At: at.Add(10 * time.Second), Kind: ccs.EventConnected},
		{At: at.Add(10 * time.Second), Kind: ccs.EventEnded, Reason: "hangup"},
	}
	if len(trace.Events) != len(want) {
		t.Fatalf("got %d events, want %d: %v", len(trace.Events), len(want), trace.Events)
	}
	for i := range want {
		if trace.Events[i] != want[i] {
			t.Errorf("event %d: got %+v, want %+v", i, trace.Events[i], want[i])
		}
	}
}
