package sipgw

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// FuzzRequest reads whatever a trunk may send in all the ways that a handler
// does, behind sipgo's parser.
func FuzzRequest(f *testing.F) {
	head := "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\nFrom: \"A\" <sip:a@b>;tag=1\r\nTo: <sip:x@y>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\n"
	f.Add([]byte("INVITE sip:%2B1;x=y@127.0.0.1 SIP/2.0\r\n" + head + "Record-Route: <sip:p;lr>, <sip:q>\r\nSession-Expires: 90;refresher=uac\r\nk: timer\r\nRequire: 100rel, timer\r\n\r\n"))
	f.Add([]byte("INVITE tel:+33-1 SIP/2.0\r\n" + head + "P-Asserted-Identity: \"a, <tel:+1>, <sip:b@c>\r\nPrivacy: id;x\r\nx: 5\r\n\r\n"))
	f.Add([]byte("INFO sip:x SIP/2.0\r\n" + head + "Content-Type: application/dtmf-relay\r\nContent-Length: 10\r\n\r\nSignal=11\n"))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		m, err := sip.ParseMessage(datagram)
		if err != nil {
			return
		}
		original, ok := m.(*sip.Request)
		if !ok {
			return
		}
		req := original.Clone()
		if req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil {
			return
		}
		in := identify(req)
		for _, text := range []string{in.From, in.FromName, in.To} {
			if strings.ContainsAny(text, "\r\n\x00") {
				t.Fatalf("a control character in %q", text)
			}
		}
		infoDigit(req)
		unsupported(req)
		readSession(req)
		readReferTo(req)
		readSession(req).accept(session{}, time.Minute).times(0)
		parseReplaces(header(req, "Replaces", "Replaces"))
		dialog.RequestID(req)
		d, err := dialog.Accept(req, "ours", dialog.Contact(in.To, netip.MustParseAddrPort("127.0.0.1:5060"), "UDP"), dialog.Path{
			Transport: "UDP", Peer: netip.MustParseAddrPort("127.0.0.1:9"), Reachable: netip.Addr.IsLoopback,
		})
		if err != nil {
			return
		}
		_ = d.Request(sip.BYE, "", nil).String()
		_ = statusOf("busy").response(req).String()
	})
}

func FuzzReadReason(f *testing.F) {
	f.Add(`Q.850;cause=16;text="Normal call clearing"`)
	f.Add(`SIP ;cause=200, Q.850;cause="x`)
	f.Fuzz(func(t *testing.T, value string) {
		bye := sip.NewRequest(sip.BYE, sip.Uri{})
		bye.AppendHeader(sip.NewHeader("Reason", value))
		if code, q850 := readReason(bye); code != 0 && (code < 100 || code > 699) || q850 < 0 || q850 > maxQ850 {
			t.Fatalf("%q gave %d, %d", value, code, q850)
		}
	})
}
