package ccs

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// problems renders an error of Check as "field code" lines.
func problems(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var list FieldErrors
	if !errors.As(err, &list) {
		t.Fatalf("Check returned a %T, not FieldErrors", err)
	}
	var lines []string
	for _, e := range list {
		lines = append(lines, e.Field+" "+string(e.Code))
	}
	return strings.Join(lines, "\n")
}

func flowWith(steps ...Step) Flow {
	return Flow{TimeZone: "Europe/Paris", Language: "en", Steps: steps}
}

func withAction(a Action) *Flow {
	f := flowWith(Step{Actions: []Action{a}})
	return &f
}

func withHours(rows ...HoursRow) *Flow {
	f := flowWith(Step{Conditions: []Condition{{WeeklyHours: &WeeklyHours{Rows: rows}}}})
	return &f
}

func TestCheckNamesFieldAndReason(t *testing.T) {
	ok := Menu{Name: "m", Greeting: Prompt{Builtin: BuiltinBeep}}
	menu := func(change func(*Menu)) *Menu { m := ok; change(&m); return &m }
	queue := func(change func(*Queue)) *Queue {
		q := Queue{Name: "q", Strategy: RingAll}
		change(&q)
		return &q
	}
	long := strings.Repeat("é", MaxText)
	days := []time.Weekday{time.Monday, time.Tuesday}
	tests := []struct {
		name  string
		value interface{ Check() error }
		want  string
	}{
		{"E.164 number", &Number{Number: "+33123456789"}, ""},
		{"short number", &Number{Number: "1000"}, ""},
		{"no number", &Number{}, "number required"},
		{"number with spaces", &Number{Number: "+33 1 23"}, "number format"},
		{"number too long", &Number{Number: "+1234567890123456"}, "number format"},
		{"number that breaks out of a URI", &Number{Number: "1000@evil"}, "number format"},

		{"plan without name", &Plan{Draft: flowWith()}, "name required"},
		{"plan with a line break", &Plan{Name: "a\r\nb", Draft: flowWith()}, "name format"},
		{"plan's draft", &Plan{Name: "p", Draft: Flow{Language: "en"}}, "draft.timeZone required"},
		{"unknown zone", &Flow{TimeZone: "Mars/Olympus", Language: "en"}, "timeZone format"},
		{"the machine's zone", &Flow{TimeZone: "Local", Language: "en"}, "timeZone format"},
		{"unknown language", &Flow{TimeZone: "UTC", Language: "de"}, "language unknownValue"},
		{"unknown policy", &Flow{TimeZone: "UTC", Language: "en", Anonymous: "eat"}, "anonymous unknownValue"},
		{"transfer timeout", &Flow{TimeZone: "UTC", Language: "en", TransferTimeout: 1_801_000}, "transferTimeout outOfRange"},
		{"too many steps", &Flow{TimeZone: "UTC", Language: "en", Steps: make([]Step, MaxSteps+1)}, "steps tooMany"},
		{"too many actions", func() *Flow { f := flowWith(Step{Actions: make([]Action, MaxActions+1)}); return &f }(), "steps[0].actions tooMany"},
		{"nothing to do", withAction(Action{}), "steps[0].actions[0] exactlyOne"},
		{"two things at once", withAction(Action{Hangup: &Hangup{}, MenuExit: &MenuExit{}}), "steps[0].actions[0] exactlyOne"},
		{"unfinished draft", withAction(Action{Playback: &Playback{}}), ""},
		{"sleep too short", withAction(Action{Sleep: &Sleep{Time: 999}}), "steps[0].actions[0].sleep.time outOfRange"},
		{"sleep a day", withAction(Action{Sleep: &Sleep{Time: 86_400_000}}), ""},
		{"name that breaks a SIP header", withAction(Action{SetCallerName: &SetCallerName{Name: `Bob" <sip:x`}}), "steps[0].actions[0].setCallerName.name format"},
		{"same id twice", func() *Flow {
			f := flowWith(Step{ID: "a"}, Step{ID: "a"})
			return &f
		}(), "steps[1].id duplicate"},
		{"condition without content", func() *Flow {
			f := flowWith(Step{Conditions: []Condition{{}}})
			return &f
		}(), "steps[0].conditions[0] exactlyOne"},
		{"letters in a prefix", func() *Flow {
			f := flowWith(Step{Conditions: []Condition{{CallerFilter: &CallerFilter{Prefixes: []string{"+33", "+3a"}}}}})
			return &f
		}(), "steps[0].conditions[0].callerFilter.prefixes[1] format"},

		{"hours that touch", withHours(HoursRow{Days: days, From: 480, To: 720}, HoursRow{Days: days, From: 720, To: 1080}), ""},
		{
			"hours that overlap", withHours(HoursRow{Days: days, From: 480, To: 721}, HoursRow{Days: days[:1], From: 720, To: 1080}),
			"steps[0].conditions[0].weeklyHours.rows[1] overlap",
		},
		{
			"hours that overlap past midnight", withHours(HoursRow{Days: []time.Weekday{time.Saturday}, From: 1200, To: 120}, HoursRow{Days: []time.Weekday{time.Sunday}, From: 60, To: 180}),
			"steps[0].conditions[0].weeklyHours.rows[1] overlap",
		},
		{"every day past midnight", withHours(HoursRow{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, From: 1320, To: 360}), ""},
		{"minute 1440 as a beginning", withHours(HoursRow{Days: days, From: 1440, To: 1440}), "steps[0].conditions[0].weeklyHours.rows[0].from outOfRange"},
		{"no days", withHours(HoursRow{From: 0, To: 10}), "steps[0].conditions[0].weeklyHours.rows[0].days required"},
		{"eighth day", withHours(HoursRow{Days: []time.Weekday{7}, From: 0, To: 10}), "steps[0].conditions[0].weeklyHours.rows[0].days outOfRange"},

		{"menu", &ok, ""},
		{"menu without greeting", menu(func(m *Menu) { m.Greeting = Prompt{} }), "greeting required"},
		{"two greetings", menu(func(m *Menu) { m.Greeting = Prompt{Sound: "a", VoiceText: "b"} }), "greeting exactlyOne"},
		{"unknown builtin", menu(func(m *Menu) { m.Invalid = Prompt{Builtin: "x"} }), "invalid.builtin unknownValue"},
		{"negative timeout", menu(func(m *Menu) { m.FirstKeyTimeout = -1 }), "firstKeyTimeout outOfRange"},
		{"negative tries", menu(func(m *Menu) { m.Tries = -1 }), "tries outOfRange"},
		{"menu keys", menu(func(m *Menu) {
			m.Keys = []MenuKey{{Keys: "1"}, {Keys: "1"}, {Keys: "A"}, {}, {Keys: "12345678901"}, {Keys: "*#0"}}
		}), "keys[1].keys duplicate\nkeys[2].keys format\nkeys[3].keys required\nkeys[4].keys tooLong"},
		{"action of a menu key", menu(func(m *Menu) { m.Keys = []MenuKey{{Keys: "1", Actions: []Action{{}}}} }), "keys[0].actions[0] exactlyOne"},

		{"queue", queue(func(q *Queue) {}), ""},
		{"queue without strategy", queue(func(q *Queue) { q.Strategy = "" }), "strategy unknownValue"},
		{
			"queue ranges", queue(func(q *Queue) { q.MaxWaiting, q.MaxWait, q.RingTimeout, q.WrapUp = -1, 999, 600_001, -1 }),
			"maxWaiting outOfRange\nmaxWait outOfRange\nringTimeout outOfRange\nwrapUp outOfRange",
		},
		{
			"same member twice", queue(func(q *Queue) { q.Members = []QueueMember{{Agent: "a"}, {Agent: "a"}, {}} }),
			"members[1].agent duplicate\nmembers[2].agent required",
		},

		{"agent", &Agent{RingTimeout: 20_000, WrapUp: 0, SimultaneousCalls: 10}, ""},
		{
			"agent ranges", &Agent{RingTimeout: 600_001, WrapUp: 3_600_001, SimultaneousCalls: 11},
			"ringTimeout outOfRange\nwrapUp outOfRange\nsimultaneousCalls outOfRange",
		},
		{"user", &User{Login: "alice", Role: RoleAgent}, ""},
		{"user without anything", &User{}, "login required\nrole unknownValue"},
		{"login with a space", &User{Login: "al ice", Role: RoleAgent, Language: "xx"}, "login format\nlanguage unknownValue"},

		{"sound", &Sound{Name: "Bonjour à tous"}, ""},
		{"sound without name", &Sound{Name: " "}, "name required"},
		{"voice text", &VoiceText{Name: "n", Text: long, Voice: "espeak-ng:en-gb+f3"}, ""},
		{"voice text too long", &VoiceText{Name: "n", Text: long + "x", Voice: "espeak-ng:en"}, "text tooLong"},
		{"voice text with line breaks", &VoiceText{Name: "n", Text: "a\r\n\tb", Voice: "espeak-ng:en"}, ""},
		{"voice text with NUL", &VoiceText{Name: "n", Text: "a\x00b", Voice: "espeak-ng:en"}, "text format"},
		{"voice that is an option", &VoiceText{Name: "n", Text: "a", Voice: "espeak-ng:-h"}, "voice format"},
		{"voice that is a path", &VoiceText{Name: "n", Text: "a", Voice: "espeak-ng:../x"}, "voice format"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := problems(t, test.value.Check()); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestFieldErrorIsReadable(t *testing.T) {
	err := (&Agent{SimultaneousCalls: 11}).Check()
	if got, want := err.Error(), "simultaneousCalls: outOfRange max=10 min=1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKindIsTheFieldThatIsSet(t *testing.T) {
	for name, want := range map[string]ActionKind{
		`{"setCallerName":{"name":"x"}}`: KindSetCallerName,
		`{"playback":{"sound":"x"}}`:     KindPlayback,
		`{"tts":{"voiceText":"x"}}`:      KindTTS,
		`{"sleep":{"time":1}}`:           KindSleep,
		`{"menu":{"menu":"x"}}`:          KindMenu,
		`{"queue":{"queue":"x"}}`:        KindQueue,
		`{"hangup":{}}`:                  KindHangup,
		`{"menuBack":{}}`:                KindMenuBack,
		`{"menuTop":{}}`:                 KindMenuTop,
		`{"menuExit":{}}`:                KindMenuExit,
		`{"menuExit":{},"menuTop":{}}`:   "",
		`{"somethingNew":{}}`:            "",
	} {
		var a Action
		if err := json.Unmarshal([]byte(name), &a); err != nil {
			t.Fatal(err)
		}
		if got := a.Kind(); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func FuzzCheckFlow(f *testing.F) {
	f.Add(`{"timeZone":"UTC","language":"en","steps":[{"actions":[{"hangup":{}}]}]}`)
	f.Add(`{"steps":[{"conditions":[{"weeklyHours":{"rows":[{"days":[1,9],"from":-5,"to":99999}]}},{"callerFilter":{"prefixes":["+"]}}]}]}`)
	f.Fuzz(func(t *testing.T, data string) {
		var flow Flow
		if json.Unmarshal([]byte(data), &flow) != nil {
			return
		}
		if err := flow.Check(); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}
