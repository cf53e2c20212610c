package phone

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
	"github.com/carillon-cc/carillon/sipgw/srtp"
)

// WaitAnswer waits until the peer answers. The error is a *RefusedError when it
// does not, ErrEnded when we hung up before, or ctx's.
func (c *Call) WaitAnswer(ctx context.Context) error {
	select {
	case <-c.answered:
		return nil
	case <-c.ended:
		if e := c.Ending(); e.By == ByPeer {
			return &RefusedError{e.Status, e.Reason}
		}
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done is closed when the call is over.
func (c *Call) Done() <-chan struct{} { return c.ended }

// Ending is how the call ended; it has no meaning before Done.
func (c *Call) Ending() Ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// Events is the timeline so far.
func (c *Call) Events() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Event(nil), c.events...)
}

// Setup is the time from the INVITE to its 200; 0 when there was none.
func (c *Call) Setup() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answerAt
}

// Stats are the counts of the call's RTP port.
func (c *Call) Stats() media.PortStats { return c.port.Stats() }

// Received tells how well the peer's packets travel.
func (c *Call) Received() media.Flow { return c.reporter.Received() }

// Media is the address of the call's RTP port.
func (c *Call) Media() netip.AddrPort { return c.media }

// Codec is what is sent; NoCodec before the answer.
func (c *Call) Codec() media.Codec { return c.output.Codec() }

// WritePacket sends sound.
func (c *Call) WritePacket(p *media.Packet) {
	if c.talking.Load() {
		c.output.WritePacket(p)
	}
}

// Heard is what was received so far, decoded to 8 kHz, the last Options.Keep.
func (c *Call) Heard() []int16 { return c.ear.heard() }

// HeardWide is what was received so far in G.722, at 16 kHz, the last
// Options.Keep.
func (c *Call) HeardWide() []int16 { return c.ear.heardWide() }

// Play plays a prompt, once or for ever, in place of what was played. Nothing
// is played before the answer.
func (c *Call) Play(prompt *media.Prompt, loop bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.player != nil {
		c.player.Stop()
	}
	if c.over || !c.talking.Load() {
		return
	}
	c.player = media.Play(c.phone.cfg.Pacer, prompt, c, loop, nil)
}

// SendDigits presses telephone keys one after the other as RFC 4733 events. It
// returns at once, and false when a key cannot be sent.
func (c *Call) SendDigits(digits string) bool {
	if !c.talking.Load() {
		return false
	}
	for i := range len(digits) {
		if !c.keys.Send(digits[i]) {
			return false
		}
		c.note("digit " + digits[i:i+1])
	}
	return true
}

// SendInfo presses a key by an INFO request.
func (c *Call) SendInfo(ctx context.Context, digit byte) error {
	return c.ask(ctx, sip.INFO, "application/dtmf-relay", []byte(fmt.Sprintf("Signal=%c\r\nDuration=160\r\n", digit)), nil)
}

// Hold is a way to put the peer on hold.
type Hold uint8

// The ways of holding.
const (
	HoldSendOnly  Hold = iota // the peer may hear us
	HoldInactive              // nothing either way
	HoldNoAddress             // 0.0.0.0, as RFC 2543 did
)

// Hold puts the peer on hold by a re-INVITE. A *RefusedError leaves the call as
// it was.
func (c *Call) Hold(ctx context.Context, way Hold) error {
	direction, at := sdp.SendOnly, c.media
	switch way {
	case HoldInactive:
		direction = sdp.Inactive
	case HoldNoAddress:
		direction = sdp.SendRecv
		none := netip.IPv4Unspecified()
		if at.Addr().Is6() {
			none = netip.IPv6Unspecified()
		}
		at = netip.AddrPortFrom(none, at.Port())
	}
	if err := c.reinvite(ctx, direction, at); err != nil {
		return err
	}
	c.note("hold")
	return nil
}

// Unhold takes the peer back by a re-INVITE.
func (c *Call) Unhold(ctx context.Context) error {
	if err := c.reinvite(ctx, sdp.SendRecv, c.media); err != nil {
		return err
	}
	c.note("unhold")
	return nil
}

func (c *Call) reinvite(ctx context.Context, direction sdp.Direction, at netip.AddrPort) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	d := c.dialog
	if d == nil || c.over {
		c.mu.Unlock()
		return ErrEnded
	}
	request := d.Request(sip.INVITE, sdpType, c.writer.Offer(at, c.options.Codecs, direction))
	c.mu.Unlock()
	tx, err := c.phone.client.TransactionRequest(ctx, request, dialog.Built)
	if err != nil {
		return fmt.Errorf("sending a re-INVITE: %w", err)
	}
	// Kept to acknowledge repeated 200s until the call is over.
	tx.OnRetransmission(c.repeatAck)
	c.phone.tasks.Go(func() {
		select {
		case <-c.ended:
		case <-tx.Done():
		}
		tx.Terminate()
	})
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
			case res.IsSuccess():
				return c.changed(d, res)
			default:
				return &RefusedError{res.StatusCode, res.Reason}
			}
		case <-tx.Done():
			return fmt.Errorf("sending a re-INVITE: %w", tx.Err())
		case <-ctx.Done():
			return ctx.Err()
		case <-c.ended:
			return ErrEnded
		}
	}
}

// changed takes the 200 to a re-INVITE.
func (c *Call) changed(d *dialog.Dialog, res *sip.Response) error {
	d.Refresh(res)
	ack := d.Ack("", nil)
	c.mu.Lock()
	c.ack = ack
	c.mu.Unlock()
	_ = c.phone.client.WriteRequest(ack.Clone(), dialog.Built)
	description, err := sdp.Parse(res.Body())
	if err != nil {
		return fmt.Errorf("reading the answer to a re-INVITE: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	agreed, err := c.writer.Accept(description)
	if err != nil {
		return fmt.Errorf("reading the answer to a re-INVITE: %w", err)
	}
	c.agree(agreed)
	return nil
}

// agree puts a negotiation's outcome into effect. c.mu is held.
func (c *Call) agree(a sdp.Agreement) {
	if err := srtp.Rekey(c.port, c.agreed.Keys, a.Keys); err != nil {
		c.phone.cfg.Log.Error("a call's sound could not be encrypted", "err", err)
		return
	}
	types := map[uint8]media.Codec{a.PayloadType: a.Codec}
	if a.EventType != 0 {
		types[a.EventType] = media.TelephoneEvent
	}
	c.port.SetPayloadTypes(types)
	if c.agreed.Codec != a.Codec || c.agreed.PayloadType != a.PayloadType {
		c.output.SetCodec(a.Codec, a.PayloadType)
	}
	if a.EventType != 0 {
		c.output.SetPayloadType(media.TelephoneEvent, a.EventType)
	}
	c.port.SetControl(a.Control, a.Mux)
	c.port.SetRemote(a.Remote)
	c.port.SetSending(a.Sends())
	c.output.SetSending(a.Sends())
	c.agreed = a
}

// Agreed is what was negotiated last.
func (c *Call) Agreed() sdp.Agreement {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agreed
}

// Hangup ends the call: by a CANCEL before the answer, then the call is over
// when the peer says so, or by a BYE after it. It returns at once.
func (c *Call) Hangup() {
	c.mu.Lock()
	confirmed, over := c.dialog != nil, c.over
	c.mu.Unlock()
	switch {
	case over:
	case confirmed:
		c.bye()
		c.finish(Ending{By: ByUs, Reason: "hung up"})
	default:
		c.cancelMu.Do(func() { close(c.cancel) })
	}
}

// receive takes what the peer sends.
func (c *Call) receive(_ media.Header, p *media.Packet) {
	if c.options.Packet != nil {
		c.options.Packet(p)
	}
	c.ear.hear(p)
}

func (c *Call) onBye(req *sip.Request, tx sip.ServerTransaction) {
	_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil))
	c.finish(Ending{By: ByPeer, Reason: "hung up"})
}

func (c *Call) onInfo(req *sip.Request, tx sip.ServerTransaction) {
	c.note("info " + dialog.Clean(strings.ReplaceAll(string(req.Body()), "\r\n", " ")))
	_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)) // on it comes the next one
}

// onOffer answers an offer of the peer within the call.
func (c *Call) onOffer(req *sip.Request, tx sip.ServerTransaction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var body []byte
	if description, err := sdp.Parse(req.Body()); err == nil {
		answer, agreed, err := c.writer.Answer(description, c.media)
		if err != nil {
			_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusNotAcceptableHere, "Not Acceptable Here", nil))
			return
		}
		c.agree(agreed)
		body = answer
	}
	res := sip.NewResponseFromRequest(req, sip.StatusOK, "OK", body)
	res.AppendHeader(c.contact.Clone())
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", sdpType))
	}
	_ = tx.Respond(res)
}
