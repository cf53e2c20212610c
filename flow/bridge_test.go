package flow

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

func bridgeTo(b ccs.Bridge) ccs.Action { return ccs.Action{Bridge: &b} }

func withLine() *Snapshot {
	s := snapshot()
	s.Lines = map[string]*ccs.Line{"l1": {Meta: ccs.Meta{ID: "l1"}, Number: "201", Name: "Desk 1"}}
	return s
}

func TestBridgesEndTheCallOrGoOnWithTheNextAction(t *testing.T) {
	line := bridgeTo(ccs.Bridge{Line: "l1"})
	for name, x := range map[string]struct {
		plan    *ccs.PlanVersion
		bridges []BridgeAnswer
		want    string
		lasts   time.Duration
	}{
		"answered":         {plan(line, play("s1")), nil, "bridge:l1 ringing: answer called/hangup", 10 * time.Second},
		"busy":             {plan(line, play("s1")), []BridgeAnswer{{Reason: call.ReasonTheirBusy, After: 1000}}, "bridge:l1 ringing: notReached:theirBusy playback:s1 answer system/planEnd", 3 * time.Second},
		"no answer":        {plan(line), []BridgeAnswer{{Reason: call.ReasonNoAnswer}}, "bridge:l1 ringing: notReached:noAnswer system/planEnd", 60 * time.Second},
		"answers too late": {plan(line), []BridgeAnswer{{After: 90_000}}, "bridge:l1 ringing: notReached:noAnswer system/planEnd", 60 * time.Second},
		"one after the other": {
			plan(line, bridgeTo(ccs.Bridge{Number: "+33123456789"})),
			[]BridgeAnswer{{Reason: call.ReasonDeclined, After: 1000}},
			"bridge:l1 ringing: notReached:declined bridge ringing: answer called/hangup", 11 * time.Second,
		},
		"unknown line":      {plan(bridgeTo(ccs.Bridge{Line: "gone"}), hangup), nil, "bridge:gone actionFailed:unknownObject hangup system/planHangup", 0},
		"unknown agent":     {plan(bridgeTo(ccs.Bridge{Agent: "gone"}), hangup), nil, "bridge:gone actionFailed:unknownObject hangup system/planHangup", 0},
		"nobody":            {plan(bridgeTo(ccs.Bridge{}), hangup), nil, "bridge actionFailed:unknownObject hangup system/planHangup", 0},
		"an agent hangs up": {plan(bridgeTo(ccs.Bridge{Agent: "a1"})), nil, "bridge:a1 ringing: answer agent/hangup", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			trace := Simulate(withLine(), x.plan, Scenario{From: "+33612345678", To: "1000", At: at, Bridges: x.bridges}, Limits{})
			if got := path(trace); got != x.want {
				t.Errorf("got  %s\nwant %s", got, x.want)
			}
			if got := trace.Duration.Duration(); got != x.lasts {
				t.Errorf("lasted %v, want %v", got, x.lasts)
			}
		})
	}
}

func TestABridgeRingsForThePlansTransferTimeout(t *testing.T) {
	v := plan(bridgeTo(ccs.Bridge{Line: "l1"}))
	v.Flow.TransferTimeout = 15_000
	trace := Simulate(withLine(), v, Scenario{At: at, Bridges: []BridgeAnswer{{Reason: call.ReasonNoAnswer}}}, Limits{})
	if got := trace.Duration.Duration(); got != 15*time.Second {
		t.Errorf("rang for %v", got)
	}
}

func TestKeysPressedWhileItRingsMeanNothingLater(t *testing.T) {
	v := plan(bridgeTo(ccs.Bridge{Line: "l1"}), runMenu("m"))
	s := withLine()
	s.Menus["m"] = menu("m", key("1", hangup))
	trace := Simulate(s, v, Scenario{
		At: at, Keys: []KeyPress{{Keys: "1", After: 2000}},
		Bridges: []BridgeAnswer{{Reason: call.ReasonTheirBusy, After: 5000}},
	}, Limits{})
	if got := path(trace); strings.Contains(got, "[1]") {
		t.Errorf("the key was kept: %s", got)
	}
}

func TestABridgeIsValidatedLikeOtherActions(t *testing.T) {
	for name, x := range map[string]struct {
		bridge ccs.Bridge
		want   ccs.Code
	}{
		"nobody":        {ccs.Bridge{}, CodeMissing},
		"unknown line":  {ccs.Bridge{Line: "gone"}, CodeUnknownObject},
		"unknown agent": {ccs.Bridge{Agent: "gone"}, CodeUnknownObject},
		"two at a time": {ccs.Bridge{Line: "l1", Number: "201"}, ccs.CodeExactlyOne},
		"no number":     {ccs.Bridge{Number: "call me"}, ccs.CodeFormat},
		"a line":        {ccs.Bridge{Line: "l1"}, ""},
		"a number":      {ccs.Bridge{Number: "01 23 45 67 89"}, ""},
		"an E.164":      {ccs.Bridge{Number: "+33123456789"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			problems := Validate(withLine(), &plan(bridgeTo(x.bridge)).Flow)
			if x.want == "" {
				if len(problems) != 0 {
					t.Errorf("problems %+v", problems)
				}
				return
			}
			if len(problems) == 0 || problems[0].Code != x.want || problems[0].Severity != SeverityError {
				t.Errorf("problems %+v, want %s", problems, x.want)
			}
		})
	}
}

func TestPresentationOfNumbers(t *testing.T) {
	for _, x := range []struct {
		p             ccs.Presentation
		label         string
		number, shown string
	}{
		{"", "Sales", "+33612345678", "Ann"},
		{ccs.PresentCaller, "Sales", "+33612345678", "Ann"},
		{ccs.PresentDialed, "Sales", "1000", "Sales"},
		{ccs.PresentBoth, "Sales", "+33612345678", "Sales"},
		{ccs.PresentBoth, "", "+33612345678", "1000"},
	} {
		if number, shown := Present(x.p, "+33612345678", "Ann", "1000", x.label); number != x.number || shown != x.shown {
			t.Errorf("%q with label %q: %q %q", x.p, x.label, number, shown)
		}
	}
}
