package sipgw

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
)

func TestReasonOfARefusal(t *testing.T) {
	rows := []struct {
		name string
		code int
		q850 int
		rang bool
		want call.Reason
	}{
		{"busy", 486, 0, true, call.ReasonTheirBusy},
		{"busy everywhere", 600, 0, false, call.ReasonTheirBusy},
		{"declined", 603, 0, true, call.ReasonDeclined},
		{"unwanted", 607, 0, true, call.ReasonDeclined},
		{"no such number", 404, 0, false, call.ReasonInvalid},
		{"switched off", 480, 0, false, call.ReasonUnavailable},
		{"nobody took it", 480, 0, true, call.ReasonNoAnswer},
		{"timed out while it rang", 408, 0, true, call.ReasonNoAnswer},
		{"busy behind a gateway", 480, 17, false, call.ReasonTheirBusy},
		{"invalid behind a gateway", 503, 1, false, call.ReasonInvalid},
		{"a cause that says nothing", 486, 31, false, call.ReasonTheirBusy},
		{"no credit", 402, 0, false, call.ReasonTrunkRefused},
		{"wrong password", 407, 0, false, call.ReasonTrunkRefused},
		{"no room", 503, 0, false, call.ReasonCongestion},
		{"broken", 500, 0, false, call.ReasonTrunkFailed},
		{"unknown 5xx", 599, 0, false, call.ReasonTrunkFailed},
		{"unknown 4xx", 499, 0, false, call.ReasonFailed},
		{"moved", 302, 17, false, call.ReasonForwarded},
		{"no codec", 488, 0, false, call.ReasonNoCodec},
		{"no response at all", 0, 0, false, call.ReasonFailed},
	}
	for _, row := range rows {
		if got := reasonOf(row.code, row.q850, row.rang); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestEveryReasonHasItsStatus(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../call/cause.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil || spec.Type.(*ast.Ident).Name != "Reason" {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		if s, ok := statuses[call.Reason(text)]; !ok || s.code < 400 || s.q850 < 1 || s.q850 > maxQ850 {
			t.Errorf("%s: %+v", text, s)
		}
		return true
	})
	if found < 20 {
		t.Errorf("%d reasons were found", found)
	}
}

func TestReasonHeaderIsRead(t *testing.T) {
	rows := []struct {
		values     []string
		code, q850 int
	}{
		{[]string{`Q.850;cause=17`}, 0, 17},
		{[]string{`q.850 ; CAUSE = 17 ; text="user busy, or so; cause=3"`}, 0, 17},
		{[]string{`Q.850;text="a, b; cause=3";cause=17`}, 0, 17},
		{[]string{`SIP;cause=200;text="Call completed elsewhere"`, `Q.850;cause=26`}, 200, 26},
		{[]string{`SIP ;cause=486, Q.850 ;cause=19`}, 486, 19},
		{[]string{`Q.850;cause=16`, `Q.850;cause=17`}, 0, 16},
		{[]string{`Q.850;cause=999, SIP;cause=1`}, 0, 0},
		{[]string{`Q.850;cause=-1`}, 0, 0},
		{[]string{`Q.850`}, 0, 0},
		{[]string{``, `;;;`, `cause=17`, `X.Y;cause=17`}, 0, 0},
		{nil, 0, 0},
	}
	for _, row := range rows {
		bye := sip.NewRequest(sip.BYE, sip.Uri{})
		for _, v := range row.values {
			bye.AppendHeader(sip.NewHeader("Reason", v))
		}
		if code, q850 := readReason(bye); code != row.code || q850 != row.q850 {
			t.Errorf("%q: %d, %d", row.values, code, q850)
		}
	}
}

func TestReasonHeaderThatIsSentIsRead(t *testing.T) {
	rows := []struct {
		cause      call.Cause
		code, q850 int
	}{
		{call.Cause{Reason: call.ReasonHangup}, 0, 16},
		{call.Cause{Reason: call.ReasonNoAnswer}, 0, 19},
		{call.Cause{Reason: call.ReasonUnavailable, Q850: 27}, 0, 27},
		{call.Cause{Reason: call.ReasonHangup, Q850: 1 << 20}, 0, 16},
		{call.Cause{Reason: call.ReasonCancelled, Status: 200}, 200, 0},
		{call.Cause{Reason: "somethingNew"}, 0, 41},
	}
	for _, row := range rows {
		bye := sip.NewRequest(sip.BYE, sip.Uri{})
		bye.AppendHeader(reasonHeader(row.cause))
		if code, q850 := readReason(bye); code != row.code || q850 != row.q850 {
			t.Errorf("%v: %d, %d", row.cause, code, q850)
		}
	}
}
