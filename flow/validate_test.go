package flow

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/ccs"
)

// render gives problems as "severity object path code" lines.
func render(problems []Problem) string {
	var lines []string
	for _, p := range problems {
		object := p.In
		if object != "" {
			object += ":" + p.ID + " "
		}
		lines = append(lines, fmt.Sprintf("%s %s%s %s", p.Severity, object, p.Path, p.Code))
	}
	return strings.Join(lines, "\n")
}

func TestValidate(t *testing.T) {
	office := []ccs.Condition{{WeeklyHours: mondays}}
	tests := []struct {
		name  string
		plan  *ccs.PlanVersion
		menus []*ccs.Menu
		want  []string
	}{
		{"sound plan", plan(play("s1"), enter("q1")), nil, nil},
		{
			"bad values are errors", &ccs.PlanVersion{Flow: ccs.Flow{TimeZone: "x", Language: "en", Steps: plan(play("s1")).Flow.Steps}}, nil,
			[]string{"error timeZone format"},
		},
		{"references not yet chosen", plan(play(""), speak(""), enter(""), runMenu("")), nil, []string{
			"error steps[0].actions[0].playback.sound missing", "error steps[0].actions[1].tts.voiceText missing",
			"error steps[0].actions[2].queue.queue missing", "error steps[0].actions[3].menu.menu missing",
		}},
		{"references that lead nowhere", plan(play("x"), speak("x"), enter("x"), runMenu("x")), nil, []string{
			"error steps[0].actions[0].playback.sound unknownObject", "error steps[0].actions[1].tts.voiceText unknownObject",
			"error steps[0].actions[2].queue.queue unknownObject", "error steps[0].actions[3].menu.menu unknownObject",
		}},
		{
			"also in disabled steps", steps(ccs.Step{Actions: []ccs.Action{play("s1")}}, ccs.Step{Disabled: true, Actions: []ccs.Action{play("x")}}), nil,
			[]string{"error steps[1].actions[0].playback.sound unknownObject"},
		},
		{
			"after a hang-up", plan(play("s1"), hangup, play("s1"), play("s2")), nil,
			[]string{"warning steps[0].actions[2] unreachable", "warning steps[0].actions[3] unreachable"},
		},
		{
			"step after a hang-up", steps(ccs.Step{Actions: []ccs.Action{play("s1"), hangup}}, ccs.Step{Disabled: true}, ccs.Step{Actions: []ccs.Action{play("s2")}}), nil,
			[]string{"warning steps[2] unreachableStep"},
		},
		{
			"step after hang-ups on both sides", steps(ccs.Step{Conditions: office, Actions: []ccs.Action{play("s1"), hangup}, Otherwise: []ccs.Action{hangup}}, ccs.Step{Actions: []ccs.Action{play("s2")}}), nil,
			[]string{"warning steps[1] unreachableStep"},
		},
		{"step after a hang-up on one side", steps(ccs.Step{Conditions: office, Actions: []ccs.Action{play("s1"), hangup}}, ccs.Step{Actions: []ccs.Action{play("s2")}}), nil, nil},
		{"nothing at all", steps(), nil, []string{"warning steps endsUnanswered"}},
		{"a way without a sound", steps(ccs.Step{Conditions: office, Actions: []ccs.Action{play("s1")}}), nil, []string{"warning steps endsUnanswered"}},
		{"no way without a sound", steps(ccs.Step{Conditions: office, Actions: []ccs.Action{play("s1")}, Otherwise: []ccs.Action{play("s2")}}), nil, nil},
		{"no sound before a hang-up is meant so", plan(hangup), nil, nil},
		{"empty step", steps(ccs.Step{Actions: []ccs.Action{play("s1")}}, ccs.Step{}), nil, []string{"warning steps[1] emptyStep"}},
		{
			"otherwise without conditions", steps(ccs.Step{Actions: []ccs.Action{play("s1")}, Otherwise: []ccs.Action{play("s1")}}), nil,
			[]string{"warning steps[0].otherwise unreachable"},
		},
		{"conditions without content", steps(ccs.Step{
			Conditions: []ccs.Condition{{WeeklyHours: &ccs.WeeklyHours{}}, {CallerFilter: &ccs.CallerFilter{}}, {CallerFilter: &ccs.CallerFilter{BlackList: true}}},
			Actions:    []ccs.Action{play("s1")}, Otherwise: []ccs.Action{play("s1")},
		}), nil, []string{
			"warning steps[0].conditions[0].weeklyHours.rows neverHolds", "warning steps[0].conditions[1].callerFilter.prefixes neverHolds",
			"warning steps[0].conditions[2].callerFilter.prefixes alwaysHolds",
		}},
		{"menu actions in the plan", plan(play("s1"), menuBack, menuTop, menuExit), nil, []string{
			"error steps[0].actions[1] outsideMenu", "error steps[0].actions[2] outsideMenu", "error steps[0].actions[3] outsideMenu",
		}},
		{"queue that nobody serves", plan(enter("empty")), nil, []string{"warning queue:empty members queueWithoutAgent"}},
		{"a queue is looked at once", plan(enter("empty"), enter("empty")), nil, []string{"warning queue:empty members queueWithoutAgent"}},

		{"menu", plan(runMenu("m")), []*ccs.Menu{menu("m", key("1", enter("q1"), play("s1")), key("2", menuBack))}, nil},
		{"menu's contents", plan(runMenu("m"), runMenu("m")), []*ccs.Menu{{
			Meta: ccs.Meta{ID: "m"}, Name: "m", Invalid: ccs.Prompt{Sound: "x"},
			Keys: []ccs.MenuKey{key("1"), key("1", play("x")), key("12", hangup, menuBack), key("3", runMenu("m2"), hangup)},
		}, menu("m2")}, []string{
			"error menu:m greeting required", "error menu:m keys[1].keys duplicate", "error menu:m invalid.sound unknownObject",
			"warning menu:m keys[0].actions emptyKey", "warning menu:m keys[0].keys keyWaits", "warning menu:m keys[1].keys keyWaits",
			"error menu:m keys[1].actions[0].playback.sound unknownObject", "warning menu:m keys[2].actions[1] unreachable",
			"warning menu:m2 keys noKeys", "warning menu:m keys[3].actions[1] unreachable",
		}},
		{
			"menu that is its own submenu", plan(runMenu("a")),
			[]*ccs.Menu{menu("a", key("1", runMenu("a")))},
			[]string{"error menu:a keys[0].actions[0].menu.menu menuLoop"},
		},
		{
			"loop of menus", plan(runMenu("a")),
			[]*ccs.Menu{menu("a", key("1", runMenu("b"))), menu("b", key("1", runMenu("c"))), menu("c", key("1", runMenu("b")))},
			[]string{"error menu:c keys[0].actions[0].menu.menu menuLoop"},
		},
		{"same menu on two ways is no loop", plan(runMenu("a")), []*ccs.Menu{menu("a", key("1", runMenu("b")), key("2", runMenu("c"))), menu("b", key("1", runMenu("c"))), menu("c", key("1", hangup))}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.plan.Flow.Farewell.IsZero() {
				test.plan.Flow.Farewell = ccs.Prompt{Builtin: ccs.BuiltinFarewell}
			}
			if got, want := render(Validate(snapshot(test.menus...), &test.plan.Flow)), strings.Join(test.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestMenuDepthIsThatOfTheDeepestWay(t *testing.T) {
	var menus []*ccs.Menu
	for i := range MaxDepth {
		keys := []ccs.MenuKey{key("9", hangup)}
		if i < MaxDepth-1 {
			keys = append(keys, key("1", runMenu(fmt.Sprint(i+1))))
		}
		menus = append(menus, menu(fmt.Sprint(i), keys...))
	}
	v := plan(runMenu("0"))
	v.Flow.Farewell = ccs.Prompt{Builtin: ccs.BuiltinFarewell}
	if got := Validate(snapshot(menus...), &v.Flow); len(got) != 0 {
		t.Errorf("twelve menus in one another: %s", render(got))
	}
	// A short way to the same menus does not hide a longer one.
	menus = append(menus, menu("above", key("1", runMenu("0"))))
	v.Flow.Steps[0].Actions = []ccs.Action{runMenu("0"), runMenu("above")}
	want := fmt.Sprintf("error menu:%d keys[1].actions[0].menu.menu menuDepth", MaxDepth-2)
	if got := render(Validate(snapshot(menus...), &v.Flow)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestValidateMenuFindsTheLoopThatSavingWouldMake(t *testing.T) {
	s := snapshot(menu("a", key("1", runMenu("b"))), menu("b", key("1", hangup), key("2")))
	changed := menu("b", key("1", runMenu("a")))
	problems := ValidateMenu(s, changed)
	if got, want := render(problems), "error menu:a keys[0].actions[0].menu.menu menuLoop"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	if got := problems[0].Params["menus"]; got != "b > a > b" {
		t.Errorf("the loop is %q", got)
	}
	if !HasErrors(problems) {
		t.Error("a loop does not count as an error")
	}
	if len(s.Menus["b"].Keys) != 2 {
		t.Error("the snapshot was changed")
	}
	// Faults of other menus are not this one's.
	if got := render(ValidateMenu(s, menu("new", key("1", runMenu("b"))))); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestValidateQueueLooksForMembersAndPrompts(t *testing.T) {
	q := &ccs.Queue{Meta: ccs.Meta{ID: "q"}, Name: "q", Strategy: ccs.RingAll, Members: []ccs.QueueMember{{Agent: "a1"}, {Agent: "x"}}, Music: ccs.Prompt{Sound: "x"}}
	want := "error queue:q music.sound unknownObject\nerror queue:q members[1].agent unknownObject"
	if got := render(ValidateQueue(snapshot(), q)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSilentEndIsNoted(t *testing.T) {
	v := plan(enter("q1"))
	problems := Validate(snapshot(), &v.Flow)
	if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Code == CodeSilentEnd }) || HasErrors(problems) {
		t.Errorf("got %s", render(problems))
	}
}
