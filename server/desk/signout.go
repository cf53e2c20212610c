package desk

import (
	"github.com/carillon-cc/carillon/call"
)

// signedOut is the agent's word that the day is over, which counts as soon as no
// page is open that another session has.
func (d *Desk) signedOut() {
	d.out = true
	if d.leader == nil {
		// The page's socket was lost just now: it cannot come back, and must not
		// be heard meanwhile. The rare page of another session that is lost at this
		// moment is back within the grace.
		d.signOffPeer()
	}
	if len(d.pages) == 0 && d.present && d.device.telephone() {
		d.goOffline()
	}
}

// sessionOver closes a page whose session has ended. It is as if the page had
// been closed by hand, sound and all: what a session opened ends with it.
func (d *Desk) sessionOver(page *conn) {
	page.expel()
	if !d.pages[page] {
		return
	}
	if page == d.leader {
		d.signOffPeer()
	}
	page.leaving = true
	d.pageGone(page)
}

// cutOff closes all pages of an agent who may no longer work here, or only after
// signing in again. Nothing rings any more; what was ringing goes to others. A
// conversation on a telephone, which is nobody's session, goes on.
func (d *Desk) cutOff() {
	for page := range d.pages {
		page.expel()
	}
	clear(d.pages)
	d.out = true
	if d.ring != nil && d.ring.offer == nil {
		d.quiet()
	}
	d.signOffPeer()
	d.leader = nil
	if d.present {
		d.goOffline()
	}
}

// signOffPeer takes the sound from a page that may hear no more. A queue's caller
// hears music and goes back to the head of the queue; other calls wait longer,
// as nobody else could take them.
func (d *Desk) signOffPeer() {
	if d.device.telephone() {
		return
	}
	if v := d.view(); v != nil {
		grace := lostGrace
		if v.Queue != "" {
			grace = reloadGrace
		}
		d.post(call.AgentAway{Agent: d.agent, Grace: grace, SignedOut: true})
	}
	d.closePeer()
}

// expel tells a page that its session is over, and closes its socket.
func (c *conn) expel() {
	c.expired = true
	c.send(farewell{})
}
