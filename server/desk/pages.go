package desk

import (
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/webrtc"
)

// maxPages is how many pages of an agent are served at a time.
const maxPages = 16

// hello admits a page, once. It leads where no other does, which is how a
// reload goes on where it was.
//
// The two pages of a reload have a socket each, so that the new one's hello may
// come before the old one's leaving, or without it. A fresh page is word enough
// that the old one is gone, and its media connection with it.
func (d *Desk) hello(page *conn, r request) {
	if len(d.pages) >= maxPages {
		page.close()
		return
	}
	page.tab = r.Tab
	d.pages[page] = true
	d.out = false
	d.readDevice()
	if r.Fresh && d.tab == r.Tab && d.peer != nil {
		d.awayWithPeer()
		d.reach()
	}
	switch {
	case d.leader == nil:
		d.lead(page)
	case d.leader.tab == r.Tab:
		// The tab's former socket has not yet been seen to end.
		former := d.leader
		d.lead(page)
		delete(d.pages, former)
		former.close()
	}
	d.push()
}

// lead makes page the one with the microphone.
func (d *Desk) lead(page *conn) {
	d.absence++
	if d.tab != page.tab {
		d.awayWithPeer()
		d.proof = proof{}
	}
	d.leader, d.tab = page, page.tab
	if !d.present {
		d.present = true
		d.options.Engine.SignIn(d.agent, d)
		if d.device.telephone() {
			d.reach() // nothing will prove it later
		}
	}
	d.proof.last = time.Now()
}

// takeOver moves the lead to another tab or computer; a call goes along as
// soon as its connection is up.
func (d *Desk) takeOver(page *conn) {
	if page == d.leader {
		return
	}
	d.lead(page)
	d.push()
}

// pageGone is the end of a page's socket. The loss of the socket alone does not
// end a call: the media connection may live on and the page come back.
func (d *Desk) pageGone(page *conn) {
	if !d.pages[page] {
		return
	}
	delete(d.pages, page)
	if d.out && len(d.pages) == 0 && d.device.telephone() {
		d.leader = nil
		d.goOffline()
		return
	}
	if page != d.leader {
		return
	}
	grace := lostGrace
	if page.leaving {
		grace = reloadGrace
		d.awayWithPeer()
	}
	d.leaderless(grace)
	d.reach()
	d.push()
}

// leaderless waits for a page to lead again, for as long as grace.
func (d *Desk) leaderless(grace time.Duration) {
	d.leader = nil
	d.absence++
	absence := d.absence
	time.AfterFunc(grace, func() { d.inbox.Post(absenceOver{absence}) })
}

// awayWithPeer lets go of the media connection of a page that is gone.
func (d *Desk) awayWithPeer() {
	if d.view() != nil && !d.device.telephone() {
		d.post(call.AgentAway{Agent: d.agent, Grace: reloadGrace})
	}
	d.closePeer()
}

// absenceOver signs the agent out when no page has come back. A call whose sound
// still passes goes on until it ends: the loss of signalling alone never ends
// one (spec 6.4).
func (d *Desk) absenceOver(absence int) {
	if absence != d.absence || d.leader != nil {
		return
	}
	if d.device.telephone() {
		// Calls ring elsewhere than on the page.
		d.goHome()
		return
	}
	d.goOffline()
}

// goHome signs an agent out whose calls ring on a telephone, who has closed all
// pages and is away. Whoever is ready, or at work, stays signed in.
func (d *Desk) goHome() {
	if d.present && d.device.telephone() && d.leader == nil && len(d.pages) == 0 && d.status.State == queue.Away {
		d.goOffline()
	}
}

// goOffline signs the agent out with the engine.
func (d *Desk) goOffline() {
	d.absence++
	d.present = false
	d.options.Engine.SignOut(d.agent, d)
	if !d.device.telephone() && (d.view() == nil || d.peerState != webrtc.StateConnected) {
		d.abandon()
	}
	d.push()
}

// abandon forgets the page that will not come back.
func (d *Desk) abandon() {
	d.closePeer()
	d.tab = ""
}

// post tells the agent's call something.
func (d *Desk) post(e call.Event) {
	v := d.view()
	if v == nil {
		return
	}
	if c := d.options.Calls.Get(v.ID); c != nil {
		c.Post(e)
	}
}
