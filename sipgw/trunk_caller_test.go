package sipgw

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

var somewhere = trunk.Endpoint{Transport: "UDP", Peer: netip.MustParseAddrPort("192.0.2.1:5060"), Host: "sip.example.com"}

func TestTrunkIsToldWhoCallsInTheWayItWants(t *testing.T) {
	base := ccs.Trunk{Username: "acc", Outgoing: ccs.TrunkOutgoing{Country: "FR"}}
	with := func(id ccs.CallerID, change ...func(*ccs.Trunk)) ccs.Trunk {
		v := base
		v.CallerID = id
		for _, c := range change {
			c(&v)
		}
		return v
	}
	ours := "+33123456789"
	for _, row := range []struct {
		name  string
		trunk ccs.Trunk
		out   Outgoing
		want  string // From and the headers
	}{
		{
			"asserted", with(ccs.CallerID{}),
			Outgoing{From: "01 23 45 67 89", FromName: "Zoë"},
			`"Zoë" <sip:+33123456789@sip.example.com> P-Asserted-Identity: "Zoë" <sip:+33123456789@sip.example.com>`,
		},
		{
			"preferred", with(ccs.CallerID{Header: ccs.CallerIDPreferred}),
			Outgoing{From: ours},
			`<sip:+33123456789@sip.example.com> P-Preferred-Identity: <sip:+33123456789@sip.example.com>`,
		},
		{"from alone", with(ccs.CallerID{Header: ccs.CallerIDFrom}), Outgoing{From: ours}, `<sip:+33123456789@sip.example.com>`},
		{
			"account", with(ccs.CallerID{Header: ccs.CallerIDAccount}),
			Outgoing{From: ours},
			`<sip:acc@sip.example.com> P-Asserted-Identity: <sip:+33123456789@sip.example.com>`,
		},
		{
			"number of the trunk", with(ccs.CallerID{Number: "+33999999999", Name: "Firm"}),
			Outgoing{},
			`"Firm" <sip:+33999999999@sip.example.com> P-Asserted-Identity: "Firm" <sip:+33999999999@sip.example.com>`,
		},
		{
			"fixed", with(ccs.CallerID{Number: "+33999999999", Name: "Firm", Fixed: true}),
			Outgoing{From: ours, FromName: "Alice"},
			`"Firm" <sip:+33999999999@sip.example.com> P-Asserted-Identity: "Firm" <sip:+33999999999@sip.example.com>`,
		},
		{
			"extension", with(ccs.CallerID{Number: "+33999999999", Header: ccs.CallerIDFrom}),
			Outgoing{From: "1000", FromName: "Alice"},
			`"Alice" <sip:+33999999999@sip.example.com>`,
		},
		{"nobody", with(ccs.CallerID{Header: ccs.CallerIDFrom}), Outgoing{}, `<sip:acc@sip.example.com>`},
		{
			"anonymous", with(ccs.CallerID{}),
			Outgoing{From: ours, FromName: "Alice", Anonymous: true},
			`"Anonymous" <sip:anonymous@anonymous.invalid> P-Asserted-Identity: "Alice" <sip:+33123456789@sip.example.com> Privacy: id`,
		},
		{
			"form of numbers", with(ccs.CallerID{Header: ccs.CallerIDFrom}, func(t *ccs.Trunk) { t.Outgoing.Form = ccs.NumberNational }),
			Outgoing{From: ours},
			`<sip:0123456789@sip.example.com>`,
		},
		{
			"domain", with(ccs.CallerID{Header: ccs.CallerIDFrom}, func(t *ccs.Trunk) { t.Domain = "firm.example" }),
			Outgoing{From: ours},
			`<sip:+33123456789@firm.example>`,
		},
		{
			"header in a name", with(ccs.CallerID{}),
			Outgoing{From: ours, FromName: "A\r\nX-Evil: 1\"<"},
			`"AX-Evil: 1" <sip:+33123456789@sip.example.com> P-Asserted-Identity: "AX-Evil: 1" <sip:+33123456789@sip.example.com>`,
		},
	} {
		l := &link{trunk: &row.trunk}
		from, headers := l.callerID(row.out, somewhere)
		got := from.Value()
		for _, h := range headers {
			got += " " + h.Name() + ": " + h.Value()
		}
		if got != row.want {
			t.Errorf("%s:\n got %s\nwant %s", row.name, got, row.want)
		}
	}
}

func TestGrantedTimeIsThatOfOurContact(t *testing.T) {
	for _, row := range []struct {
		headers []string
		want    time.Duration
	}{
		{[]string{"Contact: <sip:ours@192.0.2.9:5060>;expires=120", "Expires: 3600"}, 2 * time.Minute},
		{[]string{"Contact: <sip:other@192.0.2.8>;expires=30, <sip:ours@192.0.2.9>;expires=120"}, 2 * time.Minute},
		{[]string{"Contact: <sip:other@192.0.2.8>;expires=30", "Contact: <sip:ours@192.0.2.9>;expires=120"}, 2 * time.Minute},
		{[]string{"Contact: <sip:ours@192.0.2.9>", "Expires: 3600"}, time.Hour},
		{[]string{"Expires: 3600 ;x"}, time.Hour},
		{[]string{"Expires: soon"}, 0},
		{[]string{"Contact: <sip:ours@192.0.2.9>;expires=99999999999"}, 0},
		{nil, 0},
	} {
		m, err := sip.ParseMessage([]byte("SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n" + strings.Join(append(row.headers, "Content-Length: 0"), "\r\n") + "\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := granted(m.(*sip.Response), "ours"); got != row.want {
			t.Errorf("%v: %v, want %v", row.headers, got, row.want)
		}
	}
}

func TestSleepOfTheMachineIsNoticed(t *testing.T) {
	now := time.Now()
	if slept(now, now.Add(time.Minute)) {
		t.Error("a minute that passed counts as sleep")
	}
	// Without the monotonic clock a later time is as after a sleep.
	if later := now.Round(0).Add(time.Hour); !sleptBetween(now, later, time.Second) {
		t.Error("an hour in which the clock of the process ran a second is no sleep")
	}
}

// FuzzGranted checks that no response makes a registration last for ever, or
// fails.
func FuzzGranted(f *testing.F) {
	f.Add(`<sip:ours@192.0.2.9>;expires=120`, "3600")
	f.Add(`"a,b" <sip:ours@h>;expires=`, "-1")
	f.Add(`*`, "99999999999999999999")
	f.Fuzz(func(t *testing.T, contact, expires string) {
		res := sip.NewResponse(200, "OK")
		res.AppendHeader(sip.NewHeader("Contact", contact))
		res.AppendHeader(sip.NewHeader("Expires", expires))
		if d := granted(res, "ours"); d < 0 || d > 1<<31*time.Second {
			t.Errorf("%q, %q gave %v", contact, expires, d)
		}
	})
}
