package desk

import (
	"errors"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/webrtc"
)

// media answers the leading page's offer: with the connection it has, whose ICE
// starts anew, or with a new one.
func (d *Desk) media(page *conn, r request) {
	if page != d.leader {
		d.refuse(page, r, "notLeading")
		return
	}
	if d.device.telephone() {
		d.refuse(page, r, "onTelephone")
		return
	}
	if d.peer != nil && d.peerState != webrtc.StateClosed {
		answer, err := d.peer.Restart(r.SDP)
		switch {
		case err == nil:
			page.send(mediaMessage{Type: "media", ID: r.ID, SDP: answer})
			return
		case !errors.Is(err, webrtc.ErrOtherBrowser) && !errors.Is(err, webrtc.ErrClosed):
			// The connection that works stays.
			d.badMedia(page, r, err)
			return
		}
	}
	var peer *webrtc.Peer
	ready := make(chan struct{}) // closed once peer is set
	peer, answer, err := d.options.WebRTC.NewPeer(r.SDP, webrtc.PeerOptions{OnState: func(s webrtc.State) {
		<-ready
		d.inbox.Post(peerChange{peer, s})
	}})
	close(ready)
	if err != nil {
		d.badMedia(page, r, err)
		return
	}
	if d.peer != nil {
		// Another connection of the page: its DTLS certificate is another.
		d.awayWithPeer()
	}
	d.peer, d.peerState = peer, webrtc.StateConnecting
	page.send(mediaMessage{Type: "media", ID: r.ID, SDP: answer})
	d.reach()
	d.push()
}

func (d *Desk) badMedia(page *conn, r request, err error) {
	d.log.Warn("offer of a page refused", "err", err)
	d.refuse(page, r, "badMedia")
}

// peerChanged follows the media connection. When it is up the agent's call
// goes on with it.
func (d *Desk) peerChanged(e peerChange) {
	if e.peer != d.peer {
		return
	}
	d.peerState = e.state
	switch e.state {
	case webrtc.StateConnected:
		d.resume()
	case webrtc.StateClosed:
		d.peer = nil
	}
	d.reach()
	d.push()
}

// resume gives the agent's call, if there is one, the new connection: the call
// they talk in, or the one that went back to the queue while they were away,
// not long ago, and still waits there.
func (d *Desk) resume() {
	line := d.peer.Line(0)
	switch {
	case d.view() != nil:
		line.SetCodec(d.view().Codec)
		d.post(call.AgentBack{Agent: d.agent, Leg: line})
	case d.lost != "":
		if time.Since(d.lostAt) < lostGrace && d.options.Engine.Take(d.lost, d.agent, line) == nil {
			d.notice("call.returned", nil)
		}
		d.lost = ""
	}
}

func (d *Desk) closePeer() {
	if d.peer != nil {
		go d.peer.Close() // waits for DTLS to say goodbye
		d.peer, d.peerState = nil, webrtc.StateClosed
	}
}
