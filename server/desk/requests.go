package desk

import (
	"errors"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/queue"
)

// request does what a page asks for. What a page that does not lead may not do
// is refused.
func (d *Desk) request(page *conn, r request) {
	switch {
	case page.expired:
		return
	case r.Type == "hello" && page.tab != "":
		d.refuse(page, r, "greeted")
		return
	case r.Type == "hello":
		d.hello(page, r)
		return
	case !d.pages[page]:
		return // cut off: another socket speaks for its tab
	}
	switch r.Type {
	case "proof":
		d.proved(page, r)
		return
	case "takeOver":
		d.takeOver(page)
		return
	case "leaving":
		page.leaving = true
		return
	case "media":
		d.media(page, r)
		return
	case "find":
		d.find(page, r)
		return
	}
	if page != d.leader {
		d.refuse(page, r, "notLeading")
		return
	}
	switch r.Type {
	case "ready":
		d.ready()
	case "dial":
		d.dial(page, r)
	case "away":
		d.options.Engine.SetAway(d.agent, clip(r.Reason, 64))
	case "delivered":
		if !d.device.telephone() {
			d.options.Engine.Delivered(r.Offer)
		}
	case "accept":
		d.accept(page, r)
	case "decline":
		d.decline(page, r)
	case "mute":
		d.post(call.Mute{Agent: d.agent, On: r.On})
	case "hold":
		d.post(call.Hold{Agent: d.agent, On: r.On})
	case "key":
		if len(r.Digit) != 1 || !strings.Contains("0123456789*#", r.Digit) {
			d.refuse(page, r, "badDigit")
			return
		}
		d.post(call.Press{Agent: d.agent, Digit: r.Digit[0]})
	case "hangup":
		d.hangUp()
	case "endWrapUp":
		d.options.Engine.EndWrapUp(d.agent)
	case "extendWrapUp":
		if r.Seconds < 1 || r.Seconds > 600 {
			d.refuse(page, r, "badSeconds")
			return
		}
		d.options.Engine.ExtendWrapUp(d.agent, time.Duration(r.Seconds)*time.Second)
	case "next":
		next := queue.NextState(r.State)
		if next != queue.NextReady && next != queue.NextAway {
			d.refuse(page, r, "badState")
			return
		}
		d.options.Engine.SetNext(d.agent, next)
	}
}

func (d *Desk) refuse(page *conn, r request, code string) {
	page.send(errorMessage{Type: "error", For: r.Type, Code: code})
}

// ready has calls be offered. Whoever presses it says that the telephone is in
// order, too.
func (d *Desk) ready() {
	if d.silent {
		d.silent = false
		d.readTrouble()
	}
	d.options.Engine.SetReady(d.agent)
}

// offered shows an offer to the agent, and has a telephone ring.
func (d *Desk) offered(o queue.Offer) {
	d.offer = &o
	d.push()
	if d.device.telephone() {
		d.ringFor(o)
	}
}

// withdrawn takes an offer off the pages and says why, where it matters.
func (d *Desk) withdrawn(e withdrawn) {
	if d.ring != nil && d.ring.offer != nil && d.ring.offer.ID == e.offer.ID {
		d.silence(e.why)
	}
	d.readDevice()
	if d.offer == nil || d.offer.ID != e.offer.ID {
		return
	}
	d.offer = nil
	d.push()
	switch e.why {
	case queue.WithdrawnEngaged, queue.WithdrawnForwarded, queue.WithdrawnFailed:
		d.notice("offer."+string(e.why), nil)
	case queue.WithdrawnTaken:
		d.notice("offer.taken", map[string]string{"by": d.options.AgentName(e.takenBy)})
	case queue.WithdrawnMissed:
		d.notice("offer.missed", nil)
	case queue.WithdrawnCallerLeft:
		d.notice("offer.withdrawn", nil)
	}
}

// accept claims the offer for the agent. What the engine grants comes back as
// the call's change.
func (d *Desk) accept(page *conn, r request) {
	if d.device.telephone() {
		d.refuse(page, r, "onTelephone")
		return
	}
	if d.peer == nil {
		d.refuse(page, r, "noMedia")
		return
	}
	if d.view() != nil && d.options.Engine.Decline(r.Offer, d.agent) == nil {
		// A page has one line: a second call would take it from the first, whose
		// caller would be left in silence.
		d.refuse(page, r, "busy")
		return
	}
	if err := d.options.Engine.Accept(r.Offer, d.agent, d.peer.Line(0)); err != nil && !d.lateAccept(err) {
		d.refuse(page, r, "offerGone")
	}
	if d.offer != nil && d.offer.ID == r.Offer {
		d.offer = nil
	}
}

// lateAccept tells the agent who was faster, if somebody was.
func (d *Desk) lateAccept(err error) bool {
	var taken *queue.TakenError
	if !errors.As(err, &taken) {
		return false
	}
	d.notice("offer.taken", map[string]string{"by": d.options.AgentName(taken.By)})
	return true
}

func (d *Desk) decline(page *conn, r request) {
	if err := d.options.Engine.Decline(r.Offer, d.agent); err != nil {
		d.refuse(page, r, "offerGone")
	}
	if d.offer != nil && d.offer.ID == r.Offer {
		d.offer = nil
		d.push()
	}
}

// clip bounds a text that a page sent.
func clip(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}
