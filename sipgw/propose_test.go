package sipgw

import (
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

func TestAnswerToOurOfferMovesTheSound(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	s.Leg.(*caller).reoffer()
	invite := r.await("INVITE ", "m=audio ")
	for _, want := range []string{"RTP/AVP 8 101\r\n", "a=sendrecv\r\n", "Allow: ", "Supported: timer"} {
		if !strings.Contains(invite, want) {
			t.Errorf("no %q in\n%s", want, invite)
		}
	}
	if version(t, invite) != version(t, ok) {
		t.Errorf("the version went from %d to %d", version(t, ok), version(t, invite))
	}
	// Until it is answered they can offer nothing (RFC 3261 §14.2, RFC 3311 §5.2).
	for _, method := range []string{"INVITE", "UPDATE"} {
		if got := r.request(method, r.offer("a=sendonly")); !strings.HasPrefix(got, "SIP/2.0 491") {
			t.Errorf("%s that crosses ours got %s", method, got)
		}
	}
	if got := r.request("UPDATE", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("UPDATE without an offer got %s", got)
	}
	other := newRaw(t, g, "127.0.0.1")
	r.reply(invite, "200 OK", nil, r.offerAt("127.0.0.1", port(other.rtp)))
	r.await("ACK ", "")
	_ = other.rtp.SetReadDeadline(time.Now().Add(patience))
	buffer := make([]byte, 2000)
	if _, err := other.rtp.Read(buffer); err != nil || buffer[1]&0x7f != 8 {
		t.Errorf("at the new address: payload type %d, %v", buffer[1]&0x7f, err)
	}
	close(s.done)
}

// version reads the version in the o= line of a message's description.
func version(t *testing.T, message string) int {
	t.Helper()
	_, rest, _ := strings.Cut(message, "\r\no=- ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		t.Fatalf("no o= line in\n%s", message)
	}
	n := 0
	for _, c := range fields[1] {
		n = 10*n + int(c-'0')
	}
	return n
}

func TestOffersThatCrossAreTriedAgain(t *testing.T) {
	g := start(t, fast) // a millisecond stands for five
	for _, owner := range []bool{false, true} {
		r := newRaw(t, g, "127.0.0.1")
		s, _ := r.talk(g, r.offer())
		l := s.Leg.(*caller)
		eventually(t, "the ACK is taken", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
		l.mu.Lock()
		l.placed = owner
		l.mu.Unlock()
		l.reoffer()
		invite := r.await("INVITE ", "")
		begun := time.Now()
		r.reply(invite, "491 Request Pending", nil, "")
		r.await("ACK ", "")
		r.reply(r.await("INVITE ", ""), "200 OK", nil, r.offer())
		if took := time.Since(begun); owner && took < 420*time.Millisecond {
			t.Errorf("again after %v", took)
		}
		// RFC 3261 §14.1: from 2.1 to 4 s for the owner of the Call-ID, to 2 s for the other.
		least, most := 0*time.Millisecond, 400*time.Millisecond
		if owner {
			least, most = 420*time.Millisecond, 800*time.Millisecond
		}
		for range 1000 {
			if wait := l.glare(); wait < least || wait > most {
				t.Fatalf("owner %v: again after %v", owner, wait)
			}
		}
		r.await("ACK ", "")
		close(s.done)
	}
}

func TestOurOfferWaitsForTheAck(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	s.Leg.(*caller).reoffer()
	r.await("SIP/2.0 200", "INVITE")
	r.silent(100*time.Millisecond, "\r\nMax-Forwards")
	r.send(r.message("ACK", "ack1", r.seq, nil, ""))
	r.await("INVITE ", "")
	close(s.done)
}

func TestOfferThatIsRefusedOrAnsweredBadlyLeavesTheCallAsItWas(t *testing.T) {
	g := start(t, fast)
	for _, status := range []string{"488 Not Acceptable Here", "200 OK", "200 OK without a common encoding"} {
		r := newRaw(t, g, "127.0.0.1")
		s, _ := r.talk(g, r.offer())
		l := s.Leg.(*caller)
		before := l.port.Stats().Remote
		l.reoffer()
		body := ""
		if strings.HasSuffix(status, "encoding") {
			body = strings.Replace(r.offerAt("127.0.0.9", 4000), "RTP/AVP 8 0 101", "RTP/AVP 18", 1)
		}
		r.reply(r.await("INVITE ", ""), status, nil, body)
		r.await("ACK ", "")
		// The ACK of a refusal is sent before the refusal is taken.
		eventually(t, "our offer is over", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.offering && !l.proposing })
		if got := r.request("INVITE", r.offer("a=sendonly")); !strings.HasPrefix(got, "SIP/2.0 200") {
			t.Errorf("%s: a hold after it got %s", status, got)
		}
		if got := r.request("INVITE", r.offer("a=sendrecv")); !strings.HasPrefix(got, "SIP/2.0 200") {
			t.Errorf("%s: an un-hold after it got %s", status, got)
		}
		if after := l.port.Stats().Remote; after != before {
			t.Errorf("%s: sound goes to %v", status, after)
		}
		close(s.done)
	}
}

func TestChallengeWithinTheCallIsAnswered(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	l := s.Leg.(*caller)
	l.mu.Lock()
	l.credentials = credentials{"carillon", "secret"}
	l.mu.Unlock()
	eventually(t, "the ACK is taken", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
	challenge := []string{`Proxy-Authenticate: Digest realm="trunk", nonce="n1", qop="auth", algorithm=MD5`}
	l.reoffer()
	first := r.await("INVITE ", "")
	r.reply(first, "407 Proxy Authentication Required", challenge, "")
	r.await("ACK ", "")
	again := r.await("INVITE ", "Proxy-Authorization: Digest ")
	if seq(first) >= seq(again) || branchOf(first) == branchOf(again) || !strings.Contains(again, "m=audio") {
		t.Errorf("again is\n%s\nafter\n%s", again, first)
	}
	// The server behind the proxy asks as well.
	r.reply(again, "401 Unauthorized", []string{`WWW-Authenticate: Digest realm="trunk", nonce="n2", qop="auth", algorithm=MD5`}, "")
	r.await("ACK ", "")
	both := r.await("INVITE ", "\r\nAuthorization: Digest ")
	if strings.Count(both, "Authorization: Digest ") != 2 || seq(both) <= seq(again) {
		t.Errorf("with both answers\n%s", both)
	}
	r.reply(both, "200 OK", nil, r.offer())
	// RFC 3261 §13.2.2.4.
	if ack := r.await("ACK ", ""); seq(ack) != seq(both) || strings.Count(ack, "Authorization: Digest ") != 2 {
		t.Errorf("the ACK is\n%s", ack)
	}
	s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
	r.reply(r.await("BYE ", ""), "407 Proxy Authentication Required", challenge, "")
	r.await("BYE ", "Proxy-Authorization: Digest ")
	close(s.done)
}

func TestTrunkMayAskForThePasswordInACallThatItBegan(t *testing.T) {
	g := start(t, fast)
	g.SetTrunks([]*ccs.Trunk{{Meta: ccs.Meta{ID: "near"}, Sources: []string{"127.0.0.0/8"}, Username: "carillon", Password: "secret"}})
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	l := s.Leg.(*caller)
	eventually(t, "the ACK is taken", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
	s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
	r.reply(r.await("BYE ", ""), "407 Proxy Authentication Required", []string{`Proxy-Authenticate: Digest realm="trunk", nonce="n1", qop="auth", algorithm=MD5`}, "")
	bye := r.await("BYE ", "Proxy-Authorization: Digest ")
	r.reply(bye, "407 Proxy Authentication Required", []string{`Proxy-Authenticate: Digest realm="trunk", nonce="n2", qop="auth", algorithm=MD5`}, "")
	r.silent(100*time.Millisecond, "BYE ") // the password is wrong
	close(s.done)
}

// stuck is a transaction whose peer reads nothing.
type stuck struct {
	sip.ServerTransaction
	begun, end chan struct{}
}

func (s stuck) Respond(*sip.Response) error {
	close(s.begun)
	<-s.end
	return nil
}

func TestPeerThatReadsNothingHoldsUpNoPackets(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	l := s.Leg.(*caller)
	m, err := sip.ParseMessage([]byte(r.message("UPDATE", "late", 1, nil, r.offer()))) // older than the INVITE
	if err != nil {
		t.Fatal(err)
	}
	tx := stuck{begun: make(chan struct{}), end: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, ok := l.change(exchange{req: m.(*sip.Request), tx: tx}); ok {
			t.Error("an old request was taken")
		}
	}()
	<-tx.begun
	told := make(chan struct{})
	go func() {
		defer close(told)
		l.digit('5', byEvent) // as the goroutine does that reads the packets of many calls
	}()
	select {
	case <-told:
	case <-time.After(patience):
		t.Error("a key waits for the peer")
	}
	close(tx.end)
	<-done
	<-told
	close(s.done)
}

// field reads a header of a message that a test wrote or got.
func field(message, name string) string {
	_, rest, _ := strings.Cut(message, "\r\n"+name+": ")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

func seq(message string) string {
	number, _, _ := strings.Cut(field(message, "CSeq"), " ")
	return strings.Repeat("0", 12-len(number)) + number
}

func branchOf(message string) string {
	_, rest, _ := strings.Cut(field(message, "Via"), ";branch=")
	branch, _, _ := strings.Cut(rest, ";")
	return branch
}
