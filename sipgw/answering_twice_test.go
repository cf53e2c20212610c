package sipgw

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
)

// A telephone repeats its 200 after half a second. Where this machine stood still for
// so long, both are read at once, and the second one may be the first to be taken.
func TestRepeatedAnswerThatOvertakesTheFirstLeavesTheCall(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, invite := r.ring(g)
	g.mu.Lock()
	var a *attempt
	for _, one := range g.attempts {
		a = one
	}
	g.mu.Unlock()
	var answer string
	r.rewrite = func(text string) string { answer = text; return text }
	r.pick(invite, "180 Ringing", nil, r.offer())
	expect[call.Ringing](t, s)
	repeated, err := sip.ParseMessage([]byte(strings.Replace(answer, "180 Ringing", "200 OK", 1)))
	if err != nil {
		t.Fatal(err)
	}
	a.acceptedBefore(a.invite, proofs{}, repeated.(*sip.Response))
	r.pick(invite, "200 OK", nil, r.offer())
	expect[call.Answered](t, s)
	r.await("ACK ", "")
	a.leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonMaxDuration})
	if bye := r.await("BYE ", ""); strings.Contains(bye, "completed elsewhere") {
		t.Errorf("the call was hung up by its own answer:\n%s", bye)
	}
}
