package desk

import (
	"errors"
	"net/url"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/webrtc"
)

// maxDialled bounds what may be dialled, in bytes.
const maxDialled = 64

// Found is somebody whom an agent can call.
type Found struct {
	Agent  string `json:"agent,omitempty"` // id, of a colleague
	Number string `json:"number,omitempty"`
	Name   string `json:"name"`
	State  string `json:"state,omitempty"` // of a colleague
}

// dialled reads what an agent typed or pasted: a number in any form, or a tel: or
// sip: link (RFC 3966 §3, RFC 3261 §19.1).
func dialled(text string) string {
	text = strings.TrimSpace(text)
	scheme, rest, found := strings.Cut(text, ":")
	switch strings.ToLower(scheme) {
	case "tel", "sip", "sips", "callto":
		if found {
			text, _, _ = strings.Cut(strings.TrimPrefix(rest, "//"), ";")
			text, _, _ = strings.Cut(text, "?")
			text, _, _ = strings.Cut(text, "@")
			if plain, err := url.PathUnescape(text); err == nil {
				text = plain
			}
		}
	}
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		// Spaces of all kinds and direction marks, which come along from web pages.
		return r <= ' ' || r == 0x7f || r == 0xa0 || r >= 0x2000 && r <= 0x200f || r >= 0x2028 && r <= 0x202f || r == 0xfeff
	}), "")
}

// dial begins a call of the agent's: at once from a browser; an agent with a
// telephone is rung there first.
func (d *Desk) dial(page *conn, r request) {
	p := Placement{ID: ulid.Make().String(), Agent: d.agent, Name: d.name, To: dialled(r.To), Telephone: d.device.telephone()}
	if r.Agent != "" {
		p.To, p.Colleague = r.Agent, true
	}
	switch {
	case d.options.Place == nil:
		d.refuse(page, r, string(call.ReasonNotAllowed))
		return
	case p.To == "" || len(p.To) > maxDialled:
		d.refuse(page, r, string(call.ReasonInvalid))
		return
	case d.view() != nil || d.ring != nil || d.offer != nil || d.status.State == queue.Talking:
		d.refuse(page, r, "busy")
		return
	case p.Telephone && d.trouble != "":
		d.refuse(page, r, d.trouble)
		return
	case !p.Telephone && (d.peer == nil || d.peerState != webrtc.StateConnected):
		d.refuse(page, r, "noMedia")
		return
	}
	if p.Telephone {
		d.ringOwn(page, r, p)
		return
	}
	p.Leg = d.peer.Line(0)
	if err := d.options.Place(p); err != nil {
		d.refuse(page, r, string(reasonOf(err)))
	}
}

// ringOwn rings the agent's telephone for a call of their own. From now on no
// queue rings there.
func (d *Desk) ringOwn(page *conn, q request, p Placement) {
	if err := d.options.MayPlace(p); err != nil {
		d.refuse(page, q, string(reasonOf(err)))
		return
	}
	if d.options.Engine.Reserve(d.agent, p.ID) != nil {
		d.refuse(page, q, "busy")
		return
	}
	shown := p.To
	if p.Colleague {
		shown = ""
	}
	leg, confirm, err := d.options.Telephones.Call(Ringing{Agent: d.agent, Device: d.device, From: shown, FromName: d.toName(p)})
	if err != nil {
		d.options.Engine.Release(d.agent, p.ID)
		d.refuse(page, q, string(reasonOf(err)))
		return
	}
	d.ring = &ring{leg: leg, own: p, phase: call.PhaseCalling, confirm: confirm, key: d.options.Telephones.AcceptKey("")}
	leg.Listen(call.Listener{Events: d.inbox.Post})
	if confirm {
		d.loadQuestion(d.ring)
	}
	d.limit(d.ring, ownRing)
	d.push()
}

// toName is whom a placement means, for people.
func (d *Desk) toName(p Placement) string {
	if p.Colleague {
		return d.options.AgentName(p.To)
	}
	return d.options.NumberLabel(p.To)
}

// beginOwn calls whom the agent wants, who has picked up.
func (d *Desk) beginOwn(r *ring) {
	r.own.Leg = r.leg
	d.handed = &handed{r.leg, r.own.ID}
	if err := d.options.Place(r.own); err != nil {
		d.handed = nil
		reason := reasonOf(err)
		r.leg.Hangup(call.Cause{By: call.BySystem, Reason: reason})
		d.endOwn(r, reason)
	}
	d.push()
}

// endOwn is the end of an own call that did not come to be.
func (d *Desk) endOwn(r *ring, reason call.Reason) {
	d.options.Engine.Release(d.agent, r.own.ID)
	d.readDevice()
	d.notice("dial.telephone", map[string]string{"reason": string(reason)})
	d.push()
}

// ringOver gives up an own call whose telephone nobody picked up.
func (d *Desk) ringOver(r *ring) {
	if d.ring != r {
		return
	}
	reason := call.ReasonNoAnswer
	if r.phase == call.PhaseTalking {
		reason = call.ReasonNotAccepted
	}
	d.quiet()
	d.notice("dial.telephone", map[string]string{"reason": string(reason)})
	d.push()
}

// hangUp ends the agent's call, or what rings for it.
func (d *Desk) hangUp() {
	if d.ring != nil && d.ring.offer == nil {
		d.quiet()
		d.push()
		return
	}
	d.post(call.HangUp{Agent: d.agent})
}

// find looks for whom the agent may want to call.
func (d *Desk) find(page *conn, r request) {
	found := []Found{}
	if d.options.Find != nil {
		found = append(found, d.options.Find(d.agent, clip(strings.TrimSpace(r.Query), 64))...)
	}
	page.send(foundMessage{Type: "found", Query: r.Query, Found: found})
}

// reasonOf is why a call was not placed.
func reasonOf(err error) call.Reason {
	var refused *NotPlacedError
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return call.ReasonFailed
}

// ringPart tells the page about a call of the agent's own whose telephone rings.
func (d *Desk) ringPart(r *ring) *callPart {
	c := &callPart{
		ID: r.own.ID, Direction: string(call.Out), Phase: "telephone", To: r.own.To, ToName: d.toName(r.own),
	}
	if r.own.Colleague {
		c.To = ""
	}
	if r.phase == call.PhaseTalking {
		c.Confirm = string(r.key)
	}
	return c
}

// devicePart is what the page is told of the device.
func (d *Desk) devicePart() devicePart {
	kind := d.device.Kind
	if kind == "" {
		kind = ccs.DeviceBrowser
	}
	return devicePart{Kind: string(kind), Number: d.device.Number, Name: d.device.Name}
}
