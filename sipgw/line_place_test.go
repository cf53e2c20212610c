package sipgw

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

// rings waits for an INVITE and answers it with a status.
func (h *handset) rings(code int, headers ...sip.Header) *sip.Request {
	h.t.Helper()
	for {
		m := h.next(patience)
		if m == nil {
			h.t.Fatal("the telephone does not ring")
		}
		req, ok := m.(*sip.Request)
		if !ok || req.Method != sip.INVITE {
			continue
		}
		res := sip.NewResponseFromRequest(req, code, "Answer", nil)
		if code == 200 {
			res = sip.NewSDPResponseFromRequest(req, []byte(h.offer()))
			res.AppendHeader(sip.NewHeader("Contact", "<sip:100@10.0.0.3:5060>"))
		}
		for _, header := range headers {
			res.AppendHeader(header)
		}
		h.send(res.String())
		return req
	}
}

// outcome waits for what becomes of a call that was placed.
func outcome(t *testing.T, l call.CalledLeg) <-chan call.Event {
	t.Helper()
	events := make(chan call.Event, 100)
	l.Listen(call.Listener{Events: func(e call.Event) { events <- e }})
	return events
}

func TestLineRingsOnAllItsTelephones(t *testing.T) {
	b := startLines(t, func(c *Config) { secure(t, c) }, line100())
	udp, tcp, secured := newHandset(t, b, "udp", "127.0.0.1"), newHandset(t, b, "tcp", "127.0.0.1"), newHandset(t, b, "tls", "127.0.0.2")
	for i, h := range []*handset{udp, tcp, secured} {
		h.contact = fmt.Sprintf("<sip:100@10.0.0.%d:5060>", i+1) // behind a NAT, all of them
		h.mustRegister()
	}
	if n := b.Stats().Registered; n != 3 {
		t.Fatalf("%d telephones are registered", n)
	}
	l, err := b.Call(Outgoing{Line: "line-100", From: "+33123456789", FromName: "Eve \"<sip:x>\"", Codec: media.PCMA})
	if err != nil {
		t.Fatal(err)
	}
	events := outcome(t, l)
	invite := udp.rings(180)
	if from := invite.From(); from.Address.User != "+33123456789" || from.DisplayName != "Eve sip:x" || invite.Recipient.User != "100" || invite.Recipient.Host != "10.0.0.1" {
		t.Errorf("the telephone got\n%s", invite)
	}
	tcp.rings(180)
	secured.rings(200)
	if ack := secured.hears("ACK"); ack.Recipient.Host != "10.0.0.3" {
		t.Errorf("ACK to %s", ack.Recipient.String())
	}
	for {
		if _, ok := (<-events).(call.Answered); ok {
			break
		}
	}
	for _, h := range []*handset{udp, tcp} {
		if cancel := h.hears("CANCEL"); !strings.Contains(cancel.String(), "elsewhere") {
			t.Errorf("cancelled with\n%s", cancel)
		}
	}
	l.Hangup(call.Cause{By: call.ByCaller, Reason: call.ReasonHangup})
	secured.hears("BYE")
}

func TestLineThatCannotBeRung(t *testing.T) {
	b := startLines(t, nil, line100())
	for id, want := range map[string]call.Reason{"line-100": call.ReasonUnavailable, "line-9": call.ReasonInvalid} {
		_, err := b.Call(Outgoing{Line: id, From: "1"})
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Reason != want {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestAnonymousCallerStaysSo(t *testing.T) {
	b := startLines(t, nil, line100())
	h := newHandset(t, b, "udp", "127.0.0.1")
	h.mustRegister()
	l, err := b.Call(Outgoing{Line: "line-100", From: "+33123456789", FromName: "Eve", Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	events := outcome(t, l)
	if text := h.rings(486).String(); strings.Contains(text, "33123456789") || strings.Contains(text, "Eve") || !strings.Contains(text, "anonymous.invalid") {
		t.Errorf("the telephone got\n%s", text)
	}
	if gone := (<-events).(call.Gone); gone.Cause.Reason != call.ReasonTheirBusy {
		t.Errorf("gone by %v", gone.Cause)
	}
}

func TestTelephoneForwardsToAnotherLineAndNowhereElse(t *testing.T) {
	other := line100()
	other.ID, other.Number, other.Secrets = "line-101", "101", line101Secrets
	b := startLines(t, nil, line100(), other)
	first, second := newHandset(t, b, "udp", "127.0.0.1"), newHandset(t, b, "udp", "127.0.0.1")
	second.number = "101"
	first.mustRegister()
	second.mustRegister()
	for target, ring := range map[string]bool{"<sip:101@x>": true, "<sip:+882123456@x>": false} {
		l, err := b.Call(Outgoing{Line: "line-100", From: "1", FollowForwards: true})
		if err != nil {
			t.Fatal(err)
		}
		events := outcome(t, l)
		first.rings(302, sip.NewHeader("Contact", target))
		if ring {
			second.rings(486)
		}
		if e := <-events; e.(call.Forwarded).To == "" {
			t.Errorf("told %v", e)
		}
		want := call.ReasonForwarded
		if ring {
			want = call.ReasonTheirBusy
		}
		if gone := (<-events).(call.Gone); gone.Cause.Reason != want {
			t.Errorf("%s: gone by %v", target, gone.Cause)
		}
	}
}
