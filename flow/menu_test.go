package flow

import (
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

func TestMenus(t *testing.T) {
	sales := menu("m", key("1", play("s2")), key("2", hangup), key("3", enter("q1")), key("4", enterReplay("q1")),
		key("5", menuExit), key("6", menuBack), key("7", menuTop), key("8"), key("9", enter("q1"), play("s2")), key("#", named("hash")))
	long := menu("m", key("1", named("one")), key("12", named("twelve")), key("345", named("long")), key("*#", named("star")), key("6#", named("six")))
	first := menu("top", key("1", runMenu("mid"), play("s2")), key("9", hangup))
	mid := menu("mid", key("1", runMenu("low")), key("6", menuBack), key("7", menuTop), key("5", menuExit))
	low := menu("low", key("6", menuBack), key("7", menuTop), key("5", menuExit), key("2", enter("q1")), key("3", enterReplay("q1")))
	silent := menu("m", key("1", hangup))
	silent.Invalid = ccs.Prompt{Sound: "s2"}
	silent.Tries = 2
	lost := []QueueAnswer{{Exit: QueueMaxWait}, {Exit: QueueMaxWait}}
	tests := []struct {
		name     string
		menus    []*ccs.Menu
		keys     string
		queues   []QueueAnswer
		before   []ccs.Action
		want     string
		scenario Scenario
	}{
		{
			name: "no key", menus: []*ccs.Menu{sales},
			want: "m answer []none m []none m []none m/noKey tts:t1 system/planEnd",
		},
		{
			name: "wrong key", menus: []*ccs.Menu{sales}, keys: "000",
			want: "m answer [0]wrong invalidKey:invalidKey m [0]wrong invalidKey:invalidKey m [0]wrong invalidKey:invalidKey m/wrongKey tts:t1 system/planEnd",
		},
		{
			name: "own invalid sound and tries", menus: []*ccs.Menu{silent}, keys: "00",
			want: "m answer [0]wrong invalidKey:s2 m [0]wrong invalidKey:s2 m/wrongKey tts:t1 system/planEnd",
		},
		{
			name: "wrong and missing keys count apart", menus: []*ccs.Menu{silent}, keys: "0",
			want: "m answer [0]wrong invalidKey:s2 m []none m []none m/noKey tts:t1 system/planEnd",
		},
		{
			name: "a right key forgives the wrong ones", menus: []*ccs.Menu{menu("m", key("1", play("s2")), key("2", hangup))}, keys: "0010012",
			want: "m answer [0]wrong invalidKey:invalidKey m [0]wrong invalidKey:invalidKey m [1] playback:s2 m [0]wrong invalidKey:invalidKey m [0]wrong invalidKey:invalidKey m [1] playback:s2 m [2] hangup system/planHangup",
		},
		{
			name: "after a sound the menu starts again", menus: []*ccs.Menu{sales}, keys: "12",
			want: "m answer [1] playback:s2 m [2] hangup system/planHangup",
		},
		{
			name: "a key without actions starts the menu again", menus: []*ccs.Menu{sales}, keys: "82",
			want: "m answer [8] m [2] hangup system/planHangup",
		},
		{
			name: "a key that is only #", menus: []*ccs.Menu{sales}, keys: "#2",
			want: "m answer [#] setCallerName m [2] hangup system/planHangup",
		},
		{
			name: "queue answered", menus: []*ccs.Menu{sales}, keys: "3",
			want: "m answer [3] queue:q1 left:connected agent/hangup",
		},
		{
			name: "queue not answered goes on after the menu", menus: []*ccs.Menu{sales}, keys: "3", queues: lost,
			want: "m answer [3] queue:q1 left:maxWait m/queue tts:t1 system/planEnd",
		},
		{
			name: "queue not answered replays the menu where asked", menus: []*ccs.Menu{sales}, keys: "42", queues: lost,
			want: "m answer [4] queue:q1 left:maxWait m [2] hangup system/planHangup",
		},
		{
			name: "what follows the queue on its key is done first", menus: []*ccs.Menu{sales}, keys: "9", queues: lost,
			want: "m answer [9] queue:q1 left:maxWait playback:s2 m/queue tts:t1 system/planEnd",
		},
		{name: "exit", menus: []*ccs.Menu{sales}, keys: "5", want: "m answer [5] menuExit m/menuExit tts:t1 system/planEnd"},
		{name: "back from the first menu leaves it", menus: []*ccs.Menu{sales}, keys: "6", want: "m answer [6] menuBack m/menuBack tts:t1 system/planEnd"},
		{name: "top in the first menu starts it again", menus: []*ccs.Menu{sales}, keys: "72", want: "m answer [7] menuTop m [2] hangup system/planHangup"},

		{
			name: "submenu", menus: []*ccs.Menu{first, mid, low}, keys: "116679",
			want: "top answer [1] mid [1] low [6] menuBack low/menuBack mid [6] menuBack mid/menuBack top [7]wrong invalidKey:invalidKey top [9] hangup system/planHangup",
		},
		{
			name: "to the top", menus: []*ccs.Menu{first, mid, low}, keys: "1179",
			want: "top answer [1] mid [1] low [7] menuTop low/menuTop mid/menuTop top [9] hangup system/planHangup",
		},
		{
			name: "exit from below", menus: []*ccs.Menu{first, mid, low}, keys: "115",
			want: "top answer [1] mid [1] low [5] menuExit low/menuExit mid/menuExit top/menuExit tts:t1 system/planEnd",
		},
		{
			name: "tries of a submenu leave all menus", menus: []*ccs.Menu{first, mid, low}, keys: "1",
			want: "top answer [1] mid []none mid []none mid []none mid/noKey top/menuExit tts:t1 system/planEnd",
		},
		{
			name: "queue below goes on in the plan", menus: []*ccs.Menu{first, mid, low}, keys: "112", queues: lost,
			want: "top answer [1] mid [1] low [2] queue:q1 left:maxWait low/queue mid/menuExit top/menuExit tts:t1 system/planEnd",
		},
		{
			name: "queue below replays its own menu", menus: []*ccs.Menu{first, mid, low}, keys: "1135", queues: lost,
			want: "top answer [1] mid [1] low [3] queue:q1 left:maxWait low [5] menuExit low/menuExit mid/menuExit top/menuExit tts:t1 system/planEnd",
		},

		{
			name: "longest key wins", menus: []*ccs.Menu{long}, scenario: Scenario{Keys: []KeyPress{{Keys: "12", After: 500}}},
			want: "m answer [12] setCallerName m []none m []none m []none m/noKey tts:t1 system/planEnd",
		},
		{
			name: "shorter key after the inter-digit time", menus: []*ccs.Menu{long}, scenario: Scenario{Keys: []KeyPress{{Keys: "1", After: 500}, {Keys: "2", After: 3501}}},
			want: "m answer [1] setCallerName m [2]wrong invalidKey:invalidKey m []none m []none m []none m/noKey tts:t1 system/planEnd",
		},
		{
			name: "within the inter-digit time", menus: []*ccs.Menu{long}, scenario: Scenario{Keys: []KeyPress{{Keys: "1", After: 500}, {Keys: "2", After: 3400}}},
			want: "m answer [12] setCallerName m []none m []none m []none m/noKey tts:t1 system/planEnd",
		},
		{
			name: "# ends the keys", menus: []*ccs.Menu{long}, scenario: Scenario{Keys: []KeyPress{{Keys: "1#", After: 500}}},
			want: "m answer [1] setCallerName m []none m []none m []none m/noKey tts:t1 system/planEnd",
		},
		{
			name: "# is a key where one has it", menus: []*ccs.Menu{long}, scenario: Scenario{Keys: []KeyPress{{Keys: "6#*#", After: 500}}},
			want: "m answer [6#] setCallerName m [*#] setCallerName m []none m []none m []none m/noKey tts:t1 system/planEnd",
		},
		{
			name: "unfinished long key is wrong", menus: []*ccs.Menu{long}, scenario: Scenario{Keys: []KeyPress{{Keys: "34", After: 500}}},
			want: "m answer [34]wrong invalidKey:invalidKey m []none m []none m []none m/noKey tts:t1 system/planEnd",
		},

		{
			name: "typed ahead through menus and prompts", menus: []*ccs.Menu{first, mid, low}, before: []ccs.Action{play("s1"), speak("t1")},
			scenario: Scenario{Keys: []KeyPress{{Keys: "115", After: 500}}},
			want:     "playback:s1 answer tts:t1 top [1] mid [1] low [5] menuExit low/menuExit mid/menuExit top/menuExit tts:t1 system/planEnd",
		},
		{
			name: "keys of the waiting time are not taken for the menu", menus: []*ccs.Menu{sales}, queues: lost,
			scenario: Scenario{Keys: []KeyPress{{Keys: "4", After: 500}, {Keys: "2", After: 5000}}},
			want:     "m answer [4] queue:q1 left:maxWait m []none m []none m []none m/noKey tts:t1 system/planEnd",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.scenario.At = at
			test.scenario.Queues = test.queues
			test.scenario.Keys = append(test.scenario.Keys, presses(test.keys)...)
			v := plan(append(test.before, runMenu(test.menus[0].ID), speak("t1"))...)
			if got := path(Simulate(snapshot(test.menus...), v, test.scenario, Limits{})); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestMenuTiming(t *testing.T) {
	m := menu("m", key("1", hangup), key("22", hangup), key("2", hangup))
	m.FirstKeyTimeout, m.InterDigitTimeout, m.Tries = 4000, 1000, 1
	tests := []struct {
		name string
		keys []KeyPress
		want time.Duration
	}{
		{"the greeting and the first-key time", nil, 6 * time.Second},
		{"a key interrupts the greeting and has no need of more time", []KeyPress{{Keys: "1", After: 700}}, 700 * time.Millisecond},
		{"a key just in time", []KeyPress{{Keys: "1", After: 5900}}, 5900 * time.Millisecond},
		{"a key that may become longer waits", []KeyPress{{Keys: "2", After: 700}}, 1700 * time.Millisecond},
		{"the longest key does not wait", []KeyPress{{Keys: "22", After: 700}}, 700 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trace := Simulate(snapshot(m), plan(runMenu("m")), Scenario{At: at, Keys: test.keys}, Limits{})
			if got := trace.Duration.Duration(); got != test.want {
				t.Errorf("the call took %v, want %v: %s", got, test.want, path(trace))
			}
		})
	}
}

func TestMenuWithoutItsGreetingStillAnswers(t *testing.T) {
	for _, greeting := range []ccs.Prompt{{}, {Sound: "deleted"}} {
		m := menu("m", key("1", hangup))
		m.Greeting = greeting
		trace := Simulate(snapshot(m), plan(runMenu("m")), Scenario{At: at, Keys: presses("1")}, Limits{})
		if !trace.Answered || trace.Cause.Reason != "planHangup" {
			t.Errorf("greeting %v: %s", greeting, path(trace))
		}
	}
}
