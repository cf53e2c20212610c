package phone

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// ErrDecided says that a call that came was answered, refused or cancelled before.
var ErrDecided = errors.New("the call is answered, refused or cancelled already")

// Ring is a call that comes to a telephone and is not answered yet. Its methods
// are safe from any goroutine.
type Ring struct {
	phone *Phone
	req   *sip.Request
	tx    sip.ServerTransaction
	tag   string
	done  chan struct{}

	mu        sync.Mutex
	call      *Call // once there is sound
	decided   bool
	cancelled *sip.Request
}

// Reply is how a telephone responds to a call that comes. The zero value does
// what a telephone usually does.
type Reply struct {
	// Status is the SIP status; 0 is the usual one: 180, 183, 200 or 486.
	Status int
	Phrase string // "" is the status's own
	// Codecs are spoken; all when empty.
	Codecs []media.Codec
	// Media, Keep and Packet are those of Options. Packet counts in the first reply
	// with a session description.
	Media  netip.AddrPort
	Keep   time.Duration
	Packet func(p *media.Packet)
	// Body replaces the telephone's session description, and NoBody leaves it out.
	Body   []byte
	NoBody bool
	// Headers are added, such as Reason.
	Headers map[string]string
}

// onCall takes an INVITE and waits until it is decided on, because sipgo ends
// the transaction with the handler.
func (p *Phone) onCall(req *sip.Request, tx sip.ServerTransaction) {
	r := &Ring{phone: p, req: req, tx: tx, tag: dialog.NewTag(), done: make(chan struct{})}
	p.mu.Lock()
	p.rings[r] = struct{}{}
	p.mu.Unlock()
	// sipgo holds a lock in this function.
	if !tx.OnCancel(func(cancel *sip.Request) { go r.onCancel(cancel) }) {
		r.onCancel(nil)
		return
	}
	if p.cfg.OnCall == nil {
		_ = r.Refuse(Reply{Status: sip.StatusTemporarilyUnavailable})
		return
	}
	p.cfg.OnCall(r)
	<-r.done
}

// Invite is the INVITE that came. It must not be changed.
func (r *Ring) Invite() *sip.Request { return r.req.Clone() }

// Done is closed when the call was answered, refused or cancelled.
func (r *Ring) Done() <-chan struct{} { return r.done }

// Cancelled is the CANCEL that ended the call, or nil.
func (r *Ring) Cancelled() *sip.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cancelled
}

// Ringing says that the telephone rings (180).
func (r *Ring) Ringing() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.decided {
		return ErrDecided
	}
	return r.respond(sip.StatusRinging, nil, Reply{})
}

// Progress sends a provisional response, 183 when reply names none, with a
// session description: early media. The call can be played to, but is not
// answered.
func (r *Ring) Progress(reply Reply) (*Call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.decided {
		return nil, ErrDecided
	}
	body, err := r.sound(reply)
	if err != nil {
		return nil, err
	}
	if r.call != nil {
		r.call.talking.Store(true)
	}
	return r.call, r.respond(orElse(reply.Status, sip.StatusSessionInProgress), body, reply)
}

// Answer takes the call (200). The call is over when either side hangs up.
func (r *Ring) Answer(reply Reply) (*Call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.decided {
		return nil, ErrDecided
	}
	body, err := r.sound(reply)
	if err != nil {
		return nil, err
	}
	c := r.call
	d, err := dialog.Accept(r.req, r.tag, c.contact, dialog.Path{
		Transport: c.transport, Local: r.phone.local, Peer: c.peer, Reachable: func(a netip.Addr) bool { return a == c.peer.Addr() },
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.dialog, c.answerAt = d, time.Since(c.started)
	c.mu.Unlock()
	r.phone.mu.Lock()
	r.phone.calls[d.ID()] = c
	r.phone.mu.Unlock()
	res := r.response(orElse(reply.Status, sip.StatusOK), body, reply)
	if err := r.tx.Respond(res); err != nil {
		return nil, err // a CANCEL was faster
	}
	r.decide()
	c.note("answered")
	c.talking.Store(true)
	if !c.options.Media.IsValid() {
		r.phone.cfg.Pacer.Add(c.keepAlive)
		r.phone.cfg.Pacer.Add(c.reporter)
	}
	close(c.answered)
	r.phone.tasks.Go(func() { c.repeat(r.tx, res) })
	return c, nil
}

// Refuse refuses the call, with 486 when reply names no status.
func (r *Ring) Refuse(reply Reply) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.decided {
		return ErrDecided
	}
	err := r.respond(orElse(reply.Status, sip.StatusBusyHere), reply.Body, reply)
	r.decide()
	r.drop()
	return err
}

// Redirect names URIs where the called person is instead (302).
func (r *Ring) Redirect(uris ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.decided {
		return ErrDecided
	}
	res := r.response(sip.StatusMovedTemporarily, nil, Reply{})
	res.RemoveHeader("Contact")
	for _, uri := range uris {
		res.AppendHeader(sip.NewHeader("Contact", "<"+uri+">"))
	}
	err := r.tx.Respond(res)
	r.decide()
	r.drop()
	return err
}

func (r *Ring) onCancel(cancel *sip.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.decided {
		r.cancelled = cancel
		r.decide()
		r.drop()
	}
}

// decide ends the wait for a decision. r.mu is held.
func (r *Ring) decide() {
	r.decided = true
	close(r.done)
	r.phone.mu.Lock()
	delete(r.phone.rings, r)
	r.phone.mu.Unlock()
}

// drop ends a call that had early media. r.mu is held.
func (r *Ring) drop() {
	if r.call != nil {
		r.call.finish(Ending{By: ByPeer, Reason: "not answered"})
	}
}

// sound makes the call of the ring and the session description of a response.
// r.mu is held.
func (r *Ring) sound(reply Reply) ([]byte, error) {
	if r.call == nil {
		c, err := r.phone.newCall(Options{Keep: reply.Keep, Media: reply.Media, Packet: reply.Packet}, r.req.Transport(), dialog.Source(r.req))
		if err != nil {
			return nil, err
		}
		c.contact = dialog.Contact(r.req.Recipient.User, r.phone.local, c.transport)
		r.phone.mu.Lock()
		r.phone.lines[c] = struct{}{}
		r.phone.mu.Unlock()
		r.call = c
	}
	c := r.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if reply.Media.IsValid() {
		c.media = reply.Media
	}
	if reply.Keep > 0 {
		c.ear.keep(reply.Keep)
	}
	if reply.NoBody {
		return nil, nil
	}
	if len(r.req.Body()) == 0 {
		c.options.LateOffer = true
		return c.writer.Offer(c.media, reply.Codecs, sdp.SendRecv), nil
	}
	offer, err := sdp.Parse(r.req.Body())
	if err != nil {
		return nil, err
	}
	if len(reply.Codecs) > 0 {
		for i := range offer.Lines {
			offer.Lines[i].Formats = slices.DeleteFunc(offer.Lines[i].Formats, func(f sdp.Format) bool {
				return f.Codec != media.TelephoneEvent && !slices.Contains(reply.Codecs, f.Codec)
			})
		}
	}
	body, agreed, err := c.writer.Answer(offer, c.media)
	if err != nil {
		return nil, err
	}
	c.agree(agreed)
	if reply.Body != nil {
		return reply.Body, nil
	}
	return body, nil
}

func (r *Ring) respond(status int, body []byte, reply Reply) error {
	return r.tx.Respond(r.response(status, body, reply))
}

// response makes a response. r.mu is held.
func (r *Ring) response(status int, body []byte, reply Reply) *sip.Response {
	phrase := reply.Phrase
	if phrase == "" {
		phrase = phrases[status]
	}
	res := sip.NewResponseFromRequest(r.req, status, phrase, body)
	if to := res.To(); to != nil {
		to.Params.Add("tag", r.tag)
	}
	contact := dialog.Contact(r.req.Recipient.User, r.phone.local, r.req.Transport())
	res.AppendHeader(&contact)
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", sdpType))
	}
	for name, value := range reply.Headers {
		res.AppendHeader(sip.NewHeader(dialog.CleanUser(name), cleanValue(value)))
	}
	return res
}

// phrases are those of the statuses that a telephone uses most.
var phrases = map[int]string{
	sip.StatusRinging: "Ringing", sip.StatusSessionInProgress: "Session Progress", sip.StatusOK: "OK",
	sip.StatusMovedTemporarily: "Moved Temporarily", sip.StatusNotFound: "Not Found",
	sip.StatusTemporarilyUnavailable: "Temporarily Unavailable", sip.StatusBusyHere: "Busy Here",
	sip.StatusServiceUnavailable: "Service Unavailable", sip.StatusGlobalDecline: "Decline",
}

func orElse(status, usual int) int {
	if status != 0 {
		return status
	}
	return usual
}

// repeat sends a 200 again until its ACK comes (RFC 3261 §13.3.1.4).
func (c *Call) repeat(tx sip.ServerTransaction, res *sip.Response) {
	interval := 500 * time.Millisecond
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for total := interval; total < 32*time.Second; total += interval {
		select {
		case <-c.acked:
			return
		case <-c.ended:
			return
		case <-timer.C:
		}
		c.note("answered again")
		_ = tx.Respond(res)
		interval = min(2*interval, 4*time.Second)
		timer.Reset(interval)
	}
}

// onAck takes the ACK of a 200 of ours, and the answer to a late offer with it.
func (c *Call) onAck(req *sip.Request, _ sip.ServerTransaction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.acked:
		return
	default:
	}
	if c.options.LateOffer && c.invite == nil {
		if description, err := sdp.Parse(req.Body()); err == nil {
			if agreed, err := c.writer.Accept(description); err == nil {
				c.agree(agreed)
			}
		}
	}
	close(c.acked)
}
