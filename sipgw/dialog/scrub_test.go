package dialog

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// lines fails the test where a request is not one line for each of its headers,
// as any reader sees lines.
func lines(t *testing.T, r *sip.Request) {
	t.Helper()
	head, _, ok := strings.Cut(r.String(), "\r\n\r\n")
	if !ok {
		t.Fatalf("no end of the headers in %q", r.String())
	}
	split := strings.Split(head, "\r\n")
	if len(split) != len(r.Headers())+1 {
		t.Fatalf("%d headers in %d lines: %q", len(r.Headers()), len(split)-1, head)
	}
	for _, line := range split {
		if wild(line) {
			t.Fatalf("a control character in %q", line)
		}
	}
}

// FuzzNothingInjectsAHeader puts what users and peers write wherever it ends up
// in requests of ours.
func FuzzNothingInjectsAHeader(f *testing.F) {
	f.Add("Alice", "+33123456789", "sip:eve@10.0.0.5;transport=tcp", "<sip:p;lr>")
	f.Add("A\r\nX-Evil: 1", "1\r\nX-Evil: 1", "sip:a\nX-Evil:1@b", "<sip:p\nX-Evil: 1;lr>")
	f.Add("A\nX: 1\x00", "1%0D%0AX", "sip:a@b?X=%0d%0a", "<sip:p;lr=\r>, <sip:q>")
	f.Add("\u2028\"<>", "\"", "tel:1\n2", "x")
	f.Fuzz(func(t *testing.T, name, number, contact, route string) {
		from := sip.FromHeader{DisplayName: name, Address: sip.Uri{Scheme: "sip", User: number, Host: "h"}}
		var target sip.Uri
		if sip.ParseUri(contact, &target) != nil {
			target = sip.Uri{Scheme: "sip", User: contact, Host: contact}
		}
		path := Path{Transport: "UDP", Local: local, Peer: peer, Reachable: func(netip.Addr) bool { return true }}
		ours := Contact(number, local, "UDP")
		invite := First{
			Recipient: target, From: from, To: target, Contact: ours, Path: path,
			Headers: []sip.Header{sip.NewHeader("P-Asserted-Identity", "<sip:"+number+"@h>"), sip.NewHeader("X", route)},
		}.Invite("application/sdp", []byte("v=0\r\n"))
		lines(t, invite)
		lines(t, Again(invite))

		// A peer's INVITE, as sipgo's parser lets it through.
		m, err := sip.ParseMessage([]byte("INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: \"" + name + "\" <sip:" + number +
			"@h>;tag=" + number + "\r\nTo: <" + contact + ">\r\nCall-ID: " + name + "\r\nCSeq: 1 INVITE\r\nContact: <" + contact + ">\r\nRecord-Route: " + route + "\r\n\r\n"))
		r, ok := m.(*sip.Request)
		if err != nil || !ok {
			return
		}
		d, err := Accept(r, "ours", ours, path)
		if err != nil {
			return
		}
		for _, method := range []sip.RequestMethod{sip.INVITE, sip.BYE, sip.NOTIFY, sip.OPTIONS} {
			lines(t, d.Request(method, "", nil))
		}
		lines(t, d.Ack("", nil))
		lines(t, Cancel(d.Request(sip.INVITE, "", nil)))
		// A peer's answer to ours.
		m, err = sip.ParseMessage([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: \"" + name + "\" <sip:" + number +
			"@h>;tag=1\r\nTo: <" + contact + ">;tag=" + number + "\r\nCall-ID: " + name + "\r\nCSeq: 1 INVITE\r\nContact: <" + contact + ">\r\nRecord-Route: " + route + "\r\n\r\n"))
		if res, ok := m.(*sip.Response); ok && err == nil {
			if d, err := Confirm(invite, res, ours, path); err == nil {
				lines(t, d.Request(sip.BYE, "", nil))
				lines(t, d.Ack("", nil))
			}
		}
	})
}

func TestMessageWithHiddenLinesIsNotTame(t *testing.T) {
	if !Tame(invite(t, "Subject: a\tb")) {
		t.Error("a tab is white space")
	}
	for _, header := range []string{"Subject: a\nX-Evil: 1", "X\n-Evil: 1"} {
		if Tame(invite(t, header)) {
			t.Errorf("%q is tame", header)
		}
	}
}
