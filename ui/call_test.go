package ui

import (
	"regexp"
	"testing"

	"github.com/carillon-cc/carillon/ccs"
)

// known names everything by its id.
type known struct{}

func (known) Queue(id string) string { return id }
func (known) Agent(id string) string { return id }
func (known) Trunk(id string) string {
	if id == "deleted" {
		return ""
	}
	return id
}

func TestTheTimelineTellsWhichTrunkACallTakes(t *testing.T) {
	texts := catalogue(t).Texts("en")
	in := ccs.CallRecord{
		Direction: "in", From: "+33612345678", To: "1000", Trunk: "Acme", Events: []ccs.CallEvent{
			{Kind: ccs.EventArrived},
			{Kind: ccs.EventDialled, Name: "Inès", Trunk: "Other"},
			{Kind: ccs.EventDialled, Name: "Inès", Trunk: "deleted"},
			{Kind: ccs.EventAgentLost, Agent: "alice", Reason: "signedOut"},
		},
	}
	out := ccs.CallRecord{Direction: "out", From: "1000", To: "+33612345678", Trunk: "Acme", Events: []ccs.CallEvent{{Kind: ccs.EventArrived}}}
	for _, x := range []struct {
		record ccs.CallRecord
		want   []string
	}{
		{in, []string{
			"+33612345678 calls 1000, through the trunk “Acme”.", "Carillon calls Inès outside, through the trunk “Other”.", "Carillon calls Inès outside.",
			"alice was signed out during the call; the caller hears music.",
		}},
		{out, []string{"1000 calls +33612345678."}},
	} {
		for i, e := range Timeline(texts, &x.record, known{}, nil) {
			if e.Text != x.want[i] {
				t.Errorf("%q, want %q", e.Text, x.want[i])
			}
		}
	}
}

func TestFrenchHasItsOwnPointAndKeepsItsSignsOnTheLine(t *testing.T) {
	texts := catalogue(t).Texts("fr")
	if got := texts.Decimal("4.3"); got != "4,3" {
		t.Errorf("got %s", got)
	}
	for _, id := range texts.IDs() {
		if torn := torn.FindString(texts.raw[id]); torn != "" {
			t.Errorf("%s: a line may break at %q", id, torn)
		}
	}
}

// torn is a sign that French sets off from its word by a blank, where a line must
// not break.
var torn = regexp.MustCompile(`« | [:;?!»]`)
