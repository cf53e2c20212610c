package desk

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/webrtc"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

// Neither a page whose session is over, nor one of an agent who was cut off, is
// heard any more, or can do anything, however its socket ended.
func TestASessionThatIsOverTakesTheSoundAway(t *testing.T) {
	for _, c := range []struct {
		name string
		ends func(p *place, page *conn)
		// graced tells that the agent is still waited for a moment.
		graced bool
	}{
		{"the session ends", func(p *place, page *conn) { p.handle(sessionOver{page}) }, true},
		{"the agent is cut off", func(p *place, _ *conn) { p.handle(cutOff{}) }, false},
		{"the socket is lost, then the agent signs out", func(p *place, page *conn) {
			p.handle(pageGone{page})
			p.handle(signedOut{})
		}, true},
		{"the socket is lost, then the agent is cut off", func(p *place, page *conn) {
			p.handle(pageGone{page})
			p.handle(absenceOver{p.absence})
			p.handle(cutOff{})
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			page := p.page()
			p.hello(page, "tab-1")
			p.says(page, request{Type: "media", ID: 1, SDP: p.browsers.New(browser.Options{}).Offer()})
			p.peerState = webrtc.StateConnected
			p.handle(call.View{ID: "call-1", Agent: "alice", LastAgent: "alice", Codec: media.PCMA})
			c.ends(p, page)
			if p.peer != nil {
				t.Error("the page is still heard")
			}
			for _, r := range []request{
				{Type: "takeOver"}, {Type: "hello", Tab: "tab-2"}, {Type: "media", ID: 2, SDP: p.browsers.New(browser.Options{}).Offer()},
			} {
				p.says(page, r)
			}
			if p.peer != nil || p.leader != nil || len(p.pages) != 0 {
				t.Error("the page still has its say")
			}
			if c.graced {
				p.handle(absenceOver{p.absence})
			}
			if got := p.engine.Agent("alice").State; got != queue.Offline {
				t.Errorf("the agent is %s", got)
			}
		})
	}
}

func TestWhoSignsInAgainWorksOn(t *testing.T) {
	p := newPlace(t)
	page := p.page()
	p.hello(page, "tab-1")
	p.handle(cutOff{})
	again := p.page()
	p.hello(again, "tab-1")
	p.says(again, request{Type: "media", ID: 1, SDP: p.browsers.New(browser.Options{}).Offer()})
	if p.leader != again || p.peer == nil || p.engine.Agent("alice").State != queue.Away {
		t.Errorf("leads: %v, state %s", p.leader == again, p.engine.Agent("alice").State)
	}
}

// What rings at an agent who is cut off goes to others; a conversation on a
// telephone goes on, and nothing rings there afterwards.
func TestATelephoneOfAnAgentWhoIsCutOff(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		leg := p.arrive("call-1")
		leg.Rings(false)
		synctest.Wait()
		p.desk.inbox.Post(cutOff{})
		synctest.Wait()
		if !leg.Over() || p.engine.Agent("alice").State != queue.Offline {
			t.Errorf("the telephone rings on: %v; the agent is %s", !leg.Over(), p.engine.Agent("alice").State)
		}
	})
	run(t, ccs.DeviceLine, func(p *booth) {
		leg := p.arrive("call-1")
		leg.Rings(false)
		leg.Answers()
		if got := p.ended(); got != "connected alice" {
			t.Fatalf("the call: %s", got)
		}
		p.desk.inbox.Post(call.View{ID: "call-1", Agent: "alice", LastAgent: "alice", Codec: media.PCMA})
		synctest.Wait()
		p.desk.inbox.Post(cutOff{})
		time.Sleep(time.Minute)
		synctest.Wait()
		if leg.Over() {
			t.Error("the conversation was cut")
		}
		p.desk.inbox.Post(call.View{ID: "call-1", LastAgent: "alice", Over: true})
		p.engine.Leave("call-1", queue.LeaveOver)
		synctest.Wait()
		if got := p.engine.Agent("alice").State; got != queue.Offline {
			t.Errorf("after the call the agent is %s", got)
		}
	})
}
