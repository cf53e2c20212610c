package flow

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/carillon-cc/carillon/ccs"
)

// anyAction draws one of all actions, some of which refer to nothing.
func anyAction(t *rapid.T) ccs.Action {
	menu := rapid.SampledFrom([]string{"m0", "m1", "m2", "nowhere"})
	queue := rapid.SampledFrom([]string{"q1", "q2", "empty", "nowhere"})
	switch rapid.IntRange(0, 12).Draw(t, "kind") {
	case 0:
		return named("x")
	case 1:
		return play(rapid.SampledFrom([]string{"s1", "s2", "nowhere"}).Draw(t, "sound"))
	case 2:
		return speak("t1")
	case 3:
		return sleep(time.Duration(rapid.IntRange(-1, 100_000).Draw(t, "sleep")) * time.Second)
	case 4, 5:
		return runMenu(menu.Draw(t, "menu"))
	case 6:
		return enter(queue.Draw(t, "queue"))
	case 7:
		return enterReplay(queue.Draw(t, "queue"))
	case 8:
		return menuBack
	case 9:
		return menuTop
	case 10:
		return menuExit
	case 11:
		return rapid.SampledFrom([]ccs.Action{{Bridge: &ccs.Bridge{}}, {Bridge: &ccs.Bridge{Agent: "a1"}}, {Bridge: &ccs.Bridge{Number: "1"}}}).Draw(t, "bridge")
	}
	return rapid.SampledFrom([]ccs.Action{hangup, {}, {Hangup: &ccs.Hangup{}, MenuTop: &ccs.MenuTop{}}}).Draw(t, "end")
}

func anyActions(most int) *rapid.Generator[[]ccs.Action] {
	return rapid.SliceOfN(rapid.Custom(anyAction), 0, most)
}

var anyMenu = rapid.Custom(func(t *rapid.T) *ccs.Menu {
	return &ccs.Menu{
		Tries:           rapid.IntRange(-1, 4).Draw(t, "tries"),
		FirstKeyTimeout: ccs.Millis(rapid.IntRange(-1, 20_000).Draw(t, "first")),
		Greeting:        rapid.SampledFrom([]ccs.Prompt{{}, {Sound: "s1"}, {Builtin: "beep"}, {Builtin: "?"}}).Draw(t, "greeting"),
		Keys: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ccs.MenuKey {
			return ccs.MenuKey{Keys: rapid.StringMatching(`[0-3#*]{0,3}`).Draw(t, "keys"), Actions: anyActions(3).Draw(t, "actions")}
		}), 0, 4).Draw(t, "menuKeys"),
	}
})

var anyStep = rapid.Custom(func(t *rapid.T) ccs.Step {
	return ccs.Step{
		Disabled: rapid.IntRange(0, 5).Draw(t, "disabled") == 0,
		Any:      rapid.Bool().Draw(t, "any"),
		Conditions: rapid.SliceOfN(rapid.SampledFrom([]ccs.Condition{
			{}, {WeeklyHours: mondays}, {CallerFilter: &ccs.CallerFilter{Prefixes: []string{"+33"}}}, {CallerFilter: &ccs.CallerFilter{BlackList: true}},
		}), 0, 3).Draw(t, "conditions"),
		Actions:   anyActions(4).Draw(t, "actions"),
		Otherwise: anyActions(4).Draw(t, "otherwise"),
	}
})

func TestAnyPlanEndsWithinItsGuards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := snapshot()
		for i := range 3 {
			m := anyMenu.Draw(t, "menu")
			m.ID = fmt.Sprint("m", i)
			s.Menus[m.ID] = m
		}
		v := steps(rapid.SliceOfN(anyStep, 0, 5).Draw(t, "steps")...)
		v.Flow.Anonymous = rapid.SampledFrom([]ccs.AnonymousPolicy{"", ccs.AnonymousRefuse, ccs.AnonymousMessage}).Draw(t, "policy")
		limits := Limits{Executed: rapid.IntRange(1, 100).Draw(t, "executed"), Depth: rapid.IntRange(1, 4).Draw(t, "depth")}
		scenario := Scenario{
			At: at, From: "+331", Anonymous: rapid.Bool().Draw(t, "anonymous"),
			Keys: []KeyPress{
				{Keys: rapid.StringMatching(`[0-3#*]{0,40}`).Draw(t, "untimed")},
				{Keys: rapid.StringMatching(`[0-3#*]{0,10}`).Draw(t, "timed"), After: ccs.Millis(rapid.IntRange(-1, 60_000).Draw(t, "after"))},
			},
			Queues: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) QueueAnswer {
				return QueueAnswer{
					Exit:  rapid.SampledFrom([]QueueExit{"", QueueMaxWait, QueueFull, QueueClosed, QueueAgentLost}).Draw(t, "exit"),
					After: ccs.Millis(rapid.IntRange(-1, 60_000).Draw(t, "wait")),
				}
			}), 0, 10).Draw(t, "answers"),
		}
		Validate(s, &v.Flow)
		trace := Simulate(s, v, scenario, limits)
		checkTrace(t, trace, limits.withDefaults())
	})
}

// checkTrace holds what is true of every trace.
func checkTrace(t interface{ Errorf(string, ...any) }, trace Trace, limits Limits) {
	if trace.Cause.Reason == "" || trace.Cause.By == "" {
		t.Errorf("the call ended without a cause")
	}
	if trace.Duration < 0 || trace.Duration.Duration() > limits.Duration {
		t.Errorf("the call took %v", trace.Duration.Duration())
	}
	executed, answered := 0, 0
	for i, e := range trace.Events {
		if i > 0 && e.At.Before(trace.Events[i-1].At) {
			t.Errorf("event %d happens before the one before it", i)
		}
		switch e.Kind {
		case ccs.EventAction:
			executed++
		case ccs.EventAnswered:
			answered++
		}
	}
	if executed > limits.Executed {
		t.Errorf("%d actions were executed, the limit is %d", executed, limits.Executed)
	}
	if want := map[bool]int{true: 1}[trace.Answered]; answered != want {
		t.Errorf("answered is noted %d times, and the call answered: %v", answered, trace.Answered)
	}
	if n := len(trace.Events); n == 0 || trace.Events[n-1].Kind != ccs.EventEnded {
		t.Errorf("the timeline does not end with the call's end")
	}
}

func FuzzPlan(f *testing.F) {
	seed := func(s *Snapshot, v *ccs.PlanVersion, keys string) {
		flow, err := json.Marshal(v.Flow)
		if err != nil {
			f.Fatal(err)
		}
		menus, err := json.Marshal(s.Menus)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(flow, menus, keys)
	}
	seed(snapshot(), plan(play("s1"), enter("q1")), "")
	seed(snapshot(menu("m", key("1", enterReplay("q1")), key("12", runMenu("m")), key("*", menuTop))), plan(runMenu("m")), "12*1")
	seed(snapshot(), steps(ccs.Step{Any: true, Conditions: when(ccs.Condition{WeeklyHours: mondays}, from("+33")), Actions: []ccs.Action{hangup}, Otherwise: []ccs.Action{sleep(time.Minute)}}), "")
	f.Add([]byte(`{"timeZone":"x","steps":[{"conditions":[{"weeklyHours":{"rows":[{"days":[-1,99],"from":-10,"to":9999999}]}}],"actions":[{"sleep":{"time":-9223372036854775808}},{"menu":{"menu":"m"}}]}]}`),
		[]byte(`{"m":{"tries":-5,"firstKeyTimeout":-1,"keys":[{"keys":"ab"}]},"n":null}`), "#")
	f.Fuzz(func(t *testing.T, flow, menus []byte, keys string) {
		var v ccs.PlanVersion
		s := snapshot()
		if json.Unmarshal(flow, &v.Flow) != nil || json.Unmarshal(menus, &s.Menus) != nil {
			return
		}
		Validate(s, &v.Flow)
		for _, m := range s.Menus {
			if m != nil {
				ValidateMenu(s, m)
			}
		}
		limits := Limits{Executed: 100}
		checkTrace(t, Simulate(s, &v, Scenario{At: at, From: "+331", Keys: presses(keys)}, limits), limits.withDefaults())
	})
}
