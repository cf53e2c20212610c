package phone

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// Transfer asks the peer to send the call to a SIP or tel URI (REFER, RFC 3515).
// Outcome tells how that went; a *RefusedError is a peer that does not try.
func (c *Call) Transfer(ctx context.Context, uri string) error {
	return c.refer(ctx, "<"+cleanValue(uri)+">")
}

// Connect asks the peer to connect the other parties of two calls of this
// telephone (REFER with Replaces): an attended transfer.
func (c *Call) Connect(ctx context.Context, other *Call) error {
	replaces, err := other.Replaces()
	if err != nil {
		return err
	}
	return c.refer(ctx, "<sip:"+c.peer.String()+"?Replaces="+strings.ReplaceAll(url.QueryEscape(replaces), "+", "%20")+">")
}

// Replaces is what a Replaces header says to take the place of this telephone
// in the call (RFC 3891): Options.Headers of another telephone's call may have it.
func (c *Call) Replaces() (string, error) {
	c.mu.Lock()
	d := c.dialog
	c.mu.Unlock()
	if d == nil {
		return "", ErrEnded
	}
	id := d.ID()
	return id.CallID + ";to-tag=" + id.RemoteTag + ";from-tag=" + id.LocalTag, nil
}

// Outcome tells how transfers go: SIP status codes as the peer reports them, 100
// first.
func (c *Call) Outcome() <-chan int { return c.outcome }

// Update refreshes the session by an UPDATE without an offer (RFC 3311). headers
// are added, such as Session-Expires.
func (c *Call) Update(ctx context.Context, headers map[string]string) error {
	return c.ask(ctx, sip.UPDATE, "", nil, headers)
}

func (c *Call) refer(ctx context.Context, to string) error {
	return c.ask(ctx, sip.REFER, "", nil, map[string]string{"Refer-To": to})
}

// ask sends a request of the call with further headers and waits for its answer.
func (c *Call) ask(ctx context.Context, method sip.RequestMethod, kind string, body []byte, headers map[string]string) error {
	c.mu.Lock()
	d := c.dialog
	c.mu.Unlock()
	if d == nil || !c.talking.Load() {
		return ErrEnded
	}
	req := d.Request(method, kind, body)
	for name, value := range headers {
		req.AppendHeader(sip.NewHeader(dialog.CleanUser(name), cleanValue(value)))
	}
	if method == sip.REFER {
		req.AppendHeader(c.contact.Clone())
	}
	res, err := c.phone.client.Do(ctx, req, dialog.Built)
	if err != nil {
		return fmt.Errorf("sending %s: %w", method, err)
	}
	if !res.IsSuccess() {
		return &RefusedError{res.StatusCode, res.Reason}
	}
	return nil
}

// onNotify takes word of how a transfer goes, "SIP/2.0 200 OK".
func (c *Call) onNotify(req *sip.Request, tx sip.ServerTransaction) {
	// After what is done here: on the answer comes the next one, and each request
	// has a goroutine of its own.
	defer func() { _ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)) }()
	fields := strings.Fields(string(req.Body()))
	if len(fields) < 2 {
		return
	}
	if code, err := strconv.Atoi(fields[1]); err == nil {
		c.note("transfer " + fields[1])
		select {
		case c.outcome <- code:
		default: // nobody listens
		}
	}
}
