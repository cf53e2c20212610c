package dialog

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func parse(t *testing.T, lines ...string) sip.Message {
	t.Helper()
	m, err := sip.ParseMessage([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func invite(t *testing.T, extra ...string) *sip.Request {
	t.Helper()
	return parse(t, append([]string{
		"INVITE sip:1000@198.51.100.7 SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
		`From: "Eve" <sip:+33100000000@192.0.2.1>;tag=theirs`,
		"To: <sip:1000@198.51.100.7>",
		"Call-ID: abc",
		"CSeq: 7 INVITE",
		"Contact: <sip:eve@10.0.0.5:5070>",
	}, append(extra, "Content-Length: 0")...)...).(*sip.Request)
}

var (
	peer  = netip.MustParseAddrPort("192.0.2.1:5060")
	local = netip.MustParseAddrPort("198.51.100.7:5060")
)

func accept(t *testing.T, r *sip.Request) *Dialog {
	t.Helper()
	d, err := Accept(r, "ours", Contact("1000", local, "UDP"), Path{
		Transport: "UDP", Local: local, Peer: peer,
		Reachable: func(a netip.Addr) bool { return netip.MustParsePrefix("192.0.2.0/24").Contains(a) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRequestHasTheDialogsIdentityAndRisingNumbers(t *testing.T) {
	d := accept(t, invite(t))
	first, second := d.Request(sip.INFO, "", nil), d.Request(sip.BYE, "", nil)
	if second.CSeq().SeqNo != first.CSeq().SeqNo+1 {
		t.Errorf("numbers %d, %d", first.CSeq().SeqNo, second.CSeq().SeqNo)
	}
	text := second.String()
	for _, want := range []string{
		"BYE sip:eve@10.0.0.5:5070 SIP/2.0\r\n",
		"From: <sip:1000@198.51.100.7>;tag=ours\r\n",
		"To: \"Eve\" <sip:+33100000000@192.0.2.1>;tag=theirs\r\n",
		"Call-ID: abc\r\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if second.Laddr.String() != local.String() {
		t.Errorf("leaves from %v", second.Laddr)
	}
}

func TestRequestGoesWhereThePeerCanBeReached(t *testing.T) {
	rows := []struct{ name, header, request, destination string }{
		{"contact behind a NAT", "X: y", "sip:eve@10.0.0.5:5070", "192.0.2.1:5060"},
		{"route that can be reached", "Record-Route: <sip:192.0.2.9:5080;lr>", "sip:eve@10.0.0.5:5070", "192.0.2.9:5080"},
		{"route without a port", "Record-Route: <sip:192.0.2.9;lr>", "sip:eve@10.0.0.5:5070", "192.0.2.9:5060"},
		{"route with a name", "Record-Route: <sip:proxy.example;lr>", "sip:eve@10.0.0.5:5070", "192.0.2.1:5060"},
		{"strict router", "Record-Route: <sip:192.0.2.9>", "sip:192.0.2.9", "192.0.2.9:5060"},
	}
	for _, row := range rows {
		r := accept(t, invite(t, row.header)).Request(sip.BYE, "", nil)
		if r.Recipient.String() != row.request || r.Destination() != row.destination {
			t.Errorf("%s: %s sent to %s, want %s to %s", row.name, r.Recipient.String(), r.Destination(), row.request, row.destination)
		}
	}
}

func TestRequestTakesTheOpenStreamOrElseOneToTheTarget(t *testing.T) {
	ephemeral, trunk := netip.MustParseAddrPort("192.0.2.1:40123"), netip.MustParseAddrPort("192.0.2.1:5060")
	rows := []struct {
		name, contact  string
		peer           netip.AddrPort
		dialled, open  bool
		want, wantMove string // where to, and after an offer on a stream of the peer's that is closed again
	}{
		{"open", "sip:eve@192.0.2.2:5070", ephemeral, false, true, "192.0.2.1:40123", "192.0.2.1:40124"},
		{"closed", "sip:eve@192.0.2.2:5070", ephemeral, false, false, "192.0.2.2:5070", "192.0.2.2:5070"},
		{"closed, no port", "sip:eve@192.0.2.2", ephemeral, false, false, "192.0.2.2:5061", "192.0.2.2:5061"},
		{"closed, behind a NAT", "sip:eve@10.0.0.5:5070", ephemeral, false, false, "192.0.2.1:40123", "192.0.2.1:40124"},
		{"closed, ours", "sip:eve@192.0.2.2:5070", trunk, true, false, "192.0.2.1:5060", "192.0.2.2:5070"},
	}
	for _, row := range rows {
		r := invite(t)
		r.RemoveHeader("Contact")
		r.AppendHeader(parse(t, "INVITE sip:x SIP/2.0", "Contact: <"+row.contact+">").(*sip.Request).Contact())
		d, err := Accept(r, "ours", Contact("1000", local, "TLS"), Path{
			Transport: "TLS", Local: local, Peer: row.peer, Dialled: row.dialled,
			Reachable: func(a netip.Addr) bool { return netip.MustParsePrefix("192.0.2.0/24").Contains(a) },
			Open:      func(string, netip.AddrPort) bool { return row.open },
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Request(sip.BYE, "", nil).Destination(); got != row.want {
			t.Errorf("%s: sent to %s, want %s", row.name, got, row.want)
		}
		r.SetTransport("TLS")
		d.Move(r, netip.MustParseAddrPort("192.0.2.1:40124"))
		if got := d.Request(sip.BYE, "", nil).Destination(); got != row.wantMove {
			t.Errorf("%s: after an offer sent to %s, want %s", row.name, got, row.wantMove)
		}
	}
}

func TestOfferOverAnotherTransportLeavesTheWayBack(t *testing.T) {
	d := accept(t, invite(t)) // whose Contact cannot be reached
	r := invite(t)
	for transport, want := range map[string]string{"TCP": "192.0.2.1:5060", "UDP": "192.0.2.1:40123"} {
		r.SetTransport(transport)
		d.Move(r, netip.MustParseAddrPort("192.0.2.1:40123"))
		if got := d.Request(sip.BYE, "", nil); got.Destination() != want || got.Transport() != "UDP" {
			t.Errorf("after an offer over %s sent over %s to %s, want %s", transport, got.Transport(), got.Destination(), want)
		}
		d.Reroute("UDP", local, peer)
	}
}

func TestStrictRouterGetsTheTargetAsLastRoute(t *testing.T) {
	r := accept(t, invite(t, "Record-Route: <sip:192.0.2.9>, <sip:192.0.2.10;lr>")).Request(sip.BYE, "", nil)
	routes := r.GetHeaders("Route")
	if len(routes) != 2 || routes[1].Value() != "<sip:eve@10.0.0.5:5070>" {
		t.Errorf("routes %v", routes)
	}
}

func TestOfferRefreshesTheTargetAndOldOnesAreRefused(t *testing.T) {
	d := accept(t, invite(t))
	again := func(seq, contact string) *sip.Request {
		r := invite(t)
		r.RemoveHeader("CSeq")
		r.RemoveHeader("Contact")
		m := parse(t, "INVITE sip:x SIP/2.0", "CSeq: "+seq+" INVITE", "Contact: <"+contact+">")
		r.AppendHeader(m.CSeq())
		r.AppendHeader(m.(*sip.Request).Contact())
		return r
	}
	nine := again("9", "sip:eve@192.0.2.20:5090")
	if err := d.Admit(nine); err != nil {
		t.Fatal(err)
	}
	nine.SetTransport("UDP")
	d.Move(nine, peer)
	if err := d.Admit(again("8", "sip:eve@192.0.2.66")); !errors.Is(err, ErrOldRequest) {
		t.Errorf("an older offer gave %v", err)
	}
	if r := d.Request(sip.BYE, "", nil); r.Destination() != "192.0.2.20:5090" {
		t.Errorf("sent to %s", r.Destination())
	}
}

func TestAckHasTheNumberOfTheInvite(t *testing.T) {
	d := accept(t, invite(t))
	seq := d.Request(sip.INVITE, "", nil).CSeq().SeqNo
	d.Request(sip.INFO, "", nil)
	ack := d.Ack("", nil)
	if ack.CSeq().SeqNo != seq || ack.CSeq().MethodName != sip.ACK {
		t.Errorf("ACK has %v, want number %d", ack.CSeq(), seq)
	}
}

func TestAcceptRefusesAnIncompleteInvite(t *testing.T) {
	for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Contact"} {
		r := invite(t)
		r.RemoveHeader(name)
		if _, err := Accept(r, "ours", sip.ContactHeader{}, Path{}); !errors.Is(err, ErrIncomplete) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestCleanLetsNoHeaderIn(t *testing.T) {
	rows := map[string]string{
		"Alice\r\nX-Evil: 1":        "AliceX-Evil: 1",
		`A "quoted" <name>`:         "A quoted name",
		"Zoë":                       "Zoë",
		"bad\xff\x00utf":            "badutf",
		strings.Repeat("a", 10_000): strings.Repeat("a", maxValue),
	}
	for in, want := range rows {
		if got := Clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestContactIsAValidAddress(t *testing.T) {
	rows := []struct{ user, at, transport, want string }{
		{"1000", "198.51.100.7:5060", "UDP", "<sip:1000@198.51.100.7:5060>"},
		{"10>;x#\r\n1", "198.51.100.7:5060", "TCP", "<sip:10x1@198.51.100.7:5060;transport=tcp>"},
		{"1000", "[2001:db8::1]:5060", "UDP", "<sip:1000@[2001:db8::1]:5060>"},
	}
	for _, row := range rows {
		c := Contact(row.user, netip.MustParseAddrPort(row.at), row.transport)
		if c.Value() != row.want {
			t.Errorf("got %s, want %s", c.Value(), row.want)
		}
	}
}
