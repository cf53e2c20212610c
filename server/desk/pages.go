package desk

import (
	"time"

	"github.com/carillon-cc/carillon/call"
)

// hello admits a page. It leads where no other does, which is how a reload goes
// on where it was.
func (d *Desk) hello(page *conn, tab string) {
	page.tab = tab
	d.pages[page] = true
	switch {
	case d.leader == nil:
		d.lead(page)
	case d.leader.tab == tab:
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
	if page != d.leader {
		return
	}
	d.leader = nil
	d.absence++
	absence, grace := d.absence, lostGrace
	if page.leaving {
		grace = reloadGrace
		d.awayWithPeer()
	}
	time.AfterFunc(grace, func() { d.inbox.Post(absenceOver{absence}) })
	d.reach()
	d.push()
}

// awayWithPeer lets go of the media connection of a page that is gone.
func (d *Desk) awayWithPeer() {
	if d.view != nil {
		d.post(call.AgentAway{Agent: d.agent, Grace: reloadGrace})
	}
	d.closePeer()
}

// absenceOver signs the agent out when no page has come back.
func (d *Desk) absenceOver(absence int) {
	if absence != d.absence || d.leader != nil {
		return
	}
	d.closePeer()
	d.tab = ""
	d.lost = ""
	d.present = false
	d.options.Engine.SignOut(d.agent, d)
	d.push()
}

// post tells the agent's call something.
func (d *Desk) post(e call.Event) {
	if d.view == nil {
		return
	}
	if c := d.options.Calls.Get(d.view.ID); c != nil {
		c.Post(e)
	}
}
