package flow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ccs/demo"
	"github.com/carillon-cc/carillon/flow"
)

func demoSnapshot(set *demo.Set) *flow.Snapshot {
	s := &flow.Snapshot{
		Numbers:    map[string]*ccs.Number{set.Number.Number: &set.Number},
		Versions:   map[string]*ccs.PlanVersion{set.Plan.ID: &set.Version},
		Menus:      make(map[string]*ccs.Menu),
		Queues:     make(map[string]*ccs.Queue),
		VoiceTexts: make(map[string]*ccs.VoiceText),
		Agents:     make(map[string]*ccs.Agent),
	}
	for i := range set.Menus {
		s.Menus[set.Menus[i].ID] = &set.Menus[i]
	}
	for i := range set.Queues {
		s.Queues[set.Queues[i].ID] = &set.Queues[i]
	}
	for i := range set.VoiceTexts {
		s.VoiceTexts[set.VoiceTexts[i].ID] = &set.VoiceTexts[i]
	}
	for i := range set.Agents {
		s.Agents[set.Agents[i].ID] = &set.Agents[i]
	}
	return s
}

func TestDemoIsValid(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		set := demo.New(lang, time.Now())
		s := demoSnapshot(&set)
		if problems := flow.Validate(s, &set.Version.Flow); len(problems) > 0 {
			t.Errorf("%s: %+v", lang, problems)
		}
		checks := []interface{ Check() error }{&set.Number, &set.Plan}
		for i := range set.Agents {
			checks = append(checks, &set.Agents[i], &set.Users[i])
		}
		for i := range set.VoiceTexts {
			checks = append(checks, &set.VoiceTexts[i])
		}
		for _, c := range checks {
			if err := c.Check(); err != nil {
				t.Errorf("%s: %T: %v", lang, c, err)
			}
		}
	}
}

func TestDemoGoesItsWays(t *testing.T) {
	set := demo.New("en", time.Now())
	s := demoSnapshot(&set)
	version, known := s.Plan(demo.Number)
	if !known || version == nil {
		t.Fatal("the demo's number has no plan")
	}
	tests := []struct {
		name   string
		keys   string
		queues []flow.QueueAnswer
		heard  string // objects of actions and prompts, in order
		end    string
	}{
		{"sales", "1", nil, "demo-welcome demo-menu demo-sales recordingNotice", "agent/hangup"},
		{"support", "2", nil, "demo-welcome demo-menu demo-support recordingNotice", "agent/hangup"},
		{"message, then sales", "31", nil, "demo-welcome demo-menu demo-message demo-sales recordingNotice", "agent/hangup"},
		{"nobody presses", "", nil, "demo-welcome demo-menu farewell", "system/planEnd"},
		{"wrong keys", "456", nil, "demo-welcome demo-menu invalidKey invalidKey invalidKey farewell", "system/planEnd"},
		{"nobody there", "1", []flow.QueueAnswer{{Exit: flow.QueueClosed}}, "demo-welcome demo-menu demo-sales closed farewell", "system/planEnd"},
		{"too many callers", "2", []flow.QueueAnswer{{Exit: flow.QueueFull}}, "demo-welcome demo-menu demo-support allBusy farewell", "system/planEnd"},
		{"waited too long", "2", []flow.QueueAnswer{{Exit: flow.QueueMaxWait}}, "demo-welcome demo-menu demo-support recordingNotice farewell", "system/planEnd"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trace := flow.Simulate(s, version, flow.Scenario{
				From: "+33123456789", To: demo.Number, At: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC),
				Keys: []flow.KeyPress{{Keys: test.keys}}, Queues: test.queues,
			}, flow.Limits{})
			var heard []string
			for _, e := range trace.Events {
				if e.Kind == ccs.EventAction || e.Kind == ccs.EventPrompt {
					heard = append(heard, e.Object)
				}
			}
			if got := strings.Join(heard, " "); got != test.heard || trace.Cause.String() != test.end {
				t.Errorf("got  %s %v\nwant %s %s", got, trace.Cause, test.heard, test.end)
			}
		})
	}
}

func TestPromptsListsAllThatCallsMayHear(t *testing.T) {
	set := demo.New("en", time.Now())
	list := demoSnapshot(&set).Prompts()
	seen := make(map[ccs.Prompt]bool)
	for _, p := range list {
		if seen[p] {
			t.Errorf("%v is there twice", p)
		}
		seen[p] = true
	}
	for _, p := range []ccs.Prompt{{VoiceText: demo.WelcomeID}, {VoiceText: demo.ChoicesID}, {VoiceText: demo.MessageID}, {Builtin: ccs.BuiltinNotice}, {Builtin: ccs.BuiltinMusic}} {
		if !seen[p] {
			t.Errorf("%v is missing", p)
		}
	}
}
