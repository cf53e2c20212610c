package phone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// Options say whom a telephone calls and how.
type Options struct {
	// URI is whom to call, such as sip:1000@192.0.2.1:5060;transport=tcp.
	// Required.
	URI string
	// From is the caller's number; FromName the name with it.
	From, FromName string
	// Codecs are offered in this order; A-law, µ-law and G.722
	// when empty.
	Codecs []media.Codec
	// LateOffer sends no offer in the INVITE and answers the peer's in the ACK.
	LateOffer bool
	// Encryption is plain sound unless it says otherwise.
	Encryption sdp.Policy
	// Headers are added to the INVITE, such as Privacy.
	Headers map[string]string
	// Keep is how much of what is heard stays for Heard; 0 for nothing.
	Keep time.Duration
	// Media is told to the peer as the telephone's media address in place of
	// that of its own port, when it is valid. Whoever has that address sends and
	// receives the sound, to and from Agreed's remote address; the telephone
	// itself does neither.
	Media netip.AddrPort
	// Packet is called with all that is received, in the line's reader. It must
	// not keep the packet.
	Packet func(p *media.Packet)
}

// Parties that end a call.
const (
	ByUs   = "us"
	ByPeer = "peer"
)

// Ending is how a call ended.
type Ending struct {
	By     string // ByUs or ByPeer
	Status int    // of the final response when the call was not answered
	Reason string
}

// Event is something that happened in a call.
type Event struct {
	At   time.Duration // since the call was begun
	What string        // "ringing", "answered", "digit 5", "ended", …
}

// RefusedError is the answer of a peer who does not take a call or a change of it.
type RefusedError struct {
	Status int
	Phrase string
}

// Error says what the peer said.
func (e *RefusedError) Error() string { return fmt.Sprintf("refused with %d %s", e.Status, e.Phrase) }

// ErrEnded says that the call is over.
var ErrEnded = errors.New("the call is over")

// Call is one call of a telephone. Its methods are safe from any goroutine.
type Call struct {
	phone     *Phone
	options   Options
	transport string
	peer      netip.AddrPort
	started   time.Time
	invite    *sip.Request
	contact   sip.ContactHeader
	port      *media.Port
	media     netip.AddrPort
	output    *media.Output
	keepAlive *media.KeepAlive
	reporter  *media.Reporter
	keys      *media.DigitSender
	ear       ear

	answered chan struct{}
	ended    chan struct{}
	cancel   chan struct{}
	acked    chan struct{} // of a call that came: its ACK did
	outcome  chan int      // of transfers
	cancelMu sync.Once

	changing sync.Mutex // one offer at a time

	mu       sync.Mutex
	writer   *sdp.Writer
	agreed   sdp.Agreement
	dialog   *dialog.Dialog
	ack      *sip.Request // of the newest INVITE
	ending   Ending
	over     bool
	events   []Event
	player   *media.Player
	answerAt time.Duration
	talking  atomic.Bool
}

// Dial makes a telephone for one call and calls. The telephone is closed when
// the call has ended.
func Dial(ctx context.Context, options Options) (*Call, error) {
	local, err := LocalFor(ctx, options.URI)
	if err != nil {
		return nil, err
	}
	p, err := New(Config{Local: local})
	if err != nil {
		return nil, err
	}
	c, err := p.Dial(ctx, options)
	if err != nil {
		p.Close()
		return nil, err
	}
	go func() {
		<-c.Done()
		p.Close()
	}()
	return c, nil
}

// Dial begins a call. ctx bounds the look-up of the peer's name alone. The
// caller ends the call with Hangup, unless the peer does.
func (p *Phone) Dial(ctx context.Context, options Options) (*Call, error) {
	uri, err := ParseURI(options.URI)
	if err != nil {
		return nil, err
	}
	transport := "UDP"
	if t, ok := uri.UriParams.Get("transport"); ok {
		transport = strings.ToUpper(t)
	}
	peer, err := resolve(ctx, uri, p.local.Addr().Is4())
	if err != nil {
		return nil, err
	}
	c, err := p.newCall(options, transport, peer)
	if err != nil {
		return nil, err
	}
	c.contact = dialog.Contact(options.From, p.local, transport)
	c.invite = c.firstInvite(uri)
	tx, err := p.client.TransactionRequest(p.ctx, c.invite, dialog.Built)
	if err != nil {
		c.port.Close()
		return nil, fmt.Errorf("calling %s: %w", peer, err)
	}
	p.mu.Lock()
	p.lines[c] = struct{}{}
	p.mu.Unlock()
	p.tasks.Go(func() { c.follow(tx) })
	return c, nil
}

// newCall makes a call with its sound.
func (p *Phone) newCall(options Options, transport string, peer netip.AddrPort) (*Call, error) {
	port, err := p.cfg.Ports.Open(media.PortConfig{Symmetric: true})
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	c := &Call{
		phone: p, options: options, transport: transport, peer: peer, started: time.Now(), port: port,
		media:    netip.AddrPortFrom(p.local.Addr(), port.Local().Port()),
		writer:   sdp.NewWriter(rand.Uint64()),
		answered: make(chan struct{}), ended: make(chan struct{}), cancel: make(chan struct{}), acked: make(chan struct{}),
		outcome: make(chan int, 10),
	}
	if options.Media.IsValid() {
		c.media = options.Media
	}
	c.ear.keep(options.Keep)
	c.output = media.NewOutput(func(b []byte) { _ = port.Send(b) })
	c.writer.SetPolicy(options.Encryption)
	c.keepAlive = media.NewKeepAlive(c.output)
	c.reporter = media.NewReporter(port, c.output)
	c.keys = media.NewDigitSender(p.cfg.Pacer, c.output, 0)
	port.Receive(c.receive)
	return c, nil
}

func (c *Call) firstInvite(uri sip.Uri) *sip.Request {
	first := dialog.First{
		Recipient: uri,
		From: sip.FromHeader{
			DisplayName: dialog.Clean(c.options.FromName),
			Address:     sip.Uri{Scheme: "sip", User: dialog.CleanUser(c.options.From), Host: c.phone.local.Addr().String()},
		},
		To:      sip.Uri{Scheme: "sip", User: uri.User, Host: uri.Host, Port: uri.Port},
		Contact: c.contact,
		Path:    dialog.Path{Transport: c.transport, Local: c.phone.local, Peer: c.peer},
		Headers: []sip.Header{sip.NewHeader("Allow", allowed)},
	}
	for name, value := range c.options.Headers {
		first.Headers = append(first.Headers, sip.NewHeader(dialog.CleanUser(name), cleanValue(value)))
	}
	if c.options.LateOffer {
		return first.Invite("", nil)
	}
	return first.Invite(sdpType, c.writer.Offer(c.media, c.options.Codecs, sdp.SendRecv))
}

// What the telephone says that it can do.
const (
	allowed = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO"
	sdpType = "application/sdp"
)

// cleanValue keeps a header within its line.
func cleanValue(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) }

// follow takes the responses to the first INVITE.
func (c *Call) follow(tx sip.ClientTransaction) {
	defer tx.Terminate()
	tx.OnRetransmission(c.repeatAck)
	var (
		cancel   = c.cancel
		heard    bool // a response came, so a CANCEL may go out (RFC 3261 §9.1)
		wanted   bool
		patience <-chan time.Time
	)
	for {
		select {
		case res := <-tx.Responses():
			if c.progress(res, wanted) {
				// The transaction stays to have repeated 200s acknowledged.
				select {
				case <-c.ended:
				case <-tx.Done():
				}
				return
			}
			if wanted && !heard {
				c.sendCancel()
			}
			heard = true
		case <-cancel:
			cancel, wanted = nil, true
			patience = time.After(cancelPatience)
			if heard {
				c.sendCancel()
			}
		case <-patience:
			c.finish(Ending{By: ByUs, Status: sip.StatusRequestTerminated, Reason: "cancelled"})
			return
		case <-tx.Done():
			c.finish(Ending{By: ByPeer, Status: sip.StatusRequestTimeout, Reason: "no answer to the INVITE"})
			return
		case <-c.ended:
			return
		}
	}
}

// cancelPatience is how long the peer has to end a cancelled INVITE.
const cancelPatience = 32 * time.Second

// progress takes a response to the first INVITE and tells whether it was the
// last one.
func (c *Call) progress(res *sip.Response, cancelled bool) bool {
	switch {
	case res.IsProvisional():
		switch res.StatusCode {
		case sip.StatusTrying:
		case sip.StatusRinging:
			c.note("ringing")
		default:
			c.note(fmt.Sprintf("progress %d", res.StatusCode))
		}
		return false
	case res.IsSuccess():
		c.accepted(res, cancelled)
		return true
	}
	ending := Ending{By: ByPeer, Status: res.StatusCode, Reason: res.Reason}
	if cancelled {
		ending.By = ByUs
	}
	c.finish(ending)
	return true
}

// accepted takes the 200 to the first INVITE. One that crossed a CANCEL is
// acknowledged and hung up at once.
func (c *Call) accepted(res *sip.Response, cancelled bool) {
	path := dialog.Path{Transport: c.transport, Local: c.phone.local, Peer: c.peer, Reachable: func(a netip.Addr) bool { return a == c.peer.Addr() }}
	d, err := dialog.Confirm(c.invite, res, c.contact, path)
	if err != nil {
		c.finish(Ending{By: ByUs, Status: res.StatusCode, Reason: err.Error()})
		return
	}
	kind, body, err := c.settle(res.Body())
	ack := d.Ack(kind, body)
	c.mu.Lock()
	c.dialog, c.ack = d, ack
	c.mu.Unlock()
	_ = c.phone.client.WriteRequest(ack.Clone(), dialog.Built)
	if cancelled || err != nil {
		reason := "cancelled"
		if err != nil {
			reason = err.Error()
		}
		c.bye()
		c.finish(Ending{By: ByUs, Status: res.StatusCode, Reason: reason})
		return
	}
	c.phone.mu.Lock()
	c.phone.calls[d.ID()] = c
	c.phone.mu.Unlock()
	c.mu.Lock()
	c.answerAt = time.Since(c.started)
	over := c.over
	c.mu.Unlock()
	c.note("answered")
	if over {
		c.bye()
		return
	}
	c.talking.Store(true)
	if !c.options.Media.IsValid() {
		c.phone.cfg.Pacer.Add(c.keepAlive)
		c.phone.cfg.Pacer.Add(c.reporter)
	}
	close(c.answered)
}

// settle reads the session description of a 200: the answer to our offer, or
// the offer that the ACK answers with what it returns.
func (c *Call) settle(body []byte) (kind string, answer []byte, err error) {
	description, err := sdp.Parse(body)
	if err != nil {
		return "", nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var agreed sdp.Agreement
	if c.options.LateOffer {
		if answer, agreed, err = c.writer.Answer(description, c.media); err == nil {
			kind = sdpType
		}
	} else {
		agreed, err = c.writer.Accept(description)
	}
	if err == nil {
		c.agree(agreed)
	}
	return kind, answer, err
}

// repeatAck acknowledges a repeated 200.
func (c *Call) repeatAck(*sip.Response) {
	c.mu.Lock()
	ack := c.ack
	c.mu.Unlock()
	if ack != nil {
		_ = c.phone.client.WriteRequest(ack.Clone(), dialog.Built)
	}
}

// sendCancel cancels the INVITE.
func (c *Call) sendCancel() {
	c.note("cancel sent")
	c.request(dialog.Cancel(c.invite))
}

// bye sends a BYE.
func (c *Call) bye() {
	c.mu.Lock()
	d := c.dialog
	c.mu.Unlock()
	if d != nil {
		c.request(d.Request(sip.BYE, "", nil))
	}
}

// request sends a request whose outcome does not matter.
func (c *Call) request(r *sip.Request) {
	p := c.phone
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.leaving {
		p.requests.Go(func() { _, _ = p.client.Do(p.ctx, r, dialog.Built) })
	}
}

// note adds to the timeline.
func (c *Call) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.events) < maxEvents {
		c.events = append(c.events, Event{At: time.Since(c.started), What: what})
	}
}

// maxEvents bounds the timeline.
const maxEvents = 1000

// finish ends the call on our side, once.
func (c *Call) finish(e Ending) {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	c.over, c.ending = true, e
	c.events = append(c.events, Event{At: time.Since(c.started), What: "ended"})
	player, d := c.player, c.dialog
	c.mu.Unlock()
	c.talking.Store(false)
	if player != nil {
		player.Stop()
	}
	c.keys.Stop()
	c.phone.cfg.Pacer.Remove(c.keepAlive)
	c.phone.cfg.Pacer.Remove(c.reporter)
	c.phone.tasks.Go(c.port.Close) // not here: this may be the port's reader
	c.phone.mu.Lock()
	delete(c.phone.lines, c)
	if d != nil {
		delete(c.phone.calls, d.ID())
	}
	c.phone.mu.Unlock()
	close(c.ended)
}
