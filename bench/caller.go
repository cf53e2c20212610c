package bench

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/phone"
)

// hangups is how many callers hang up in a second at the end.
const hangups = 200

// callers are all simulated callers: the lines of one telephone.
type callers struct {
	generator *generator
	phone     *phone.Phone
	uri       string
	calls     []*callRun
}

func newCallers(g *generator, sip string) (*callers, error) {
	p, err := phone.New(phone.Config{Local: loopback})
	if err != nil {
		return nil, err
	}
	return &callers{generator: g, phone: p, uri: "sip:" + dialled + "@" + sip}, nil
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// close hangs up and gives everything back.
func (c *callers) close() {
	c.generator.silence()
	for _, call := range c.calls {
		if call.call != nil {
			call.call.Hangup()
			time.Sleep(time.Second / hangups)
		}
	}
	c.phone.Close()
	for _, call := range c.calls {
		c.generator.detach(call.line)
		_ = unix.Close(call.line.fd)
	}
}

// callRun is one call: its caller and, once it was offered, its agent.
type callRun struct {
	callers *callers
	index   int
	line    *line
	voice   *voice
	call    *phone.Call

	heard [2]chan struct{} // closed when the caller, and the agent, hear the other

	mu       sync.Mutex
	agent    *agent
	invited  time.Duration // when the INVITE was sent, and so on; 0 for not yet
	offered  time.Duration
	accepted time.Duration
}

// Whom the channels of callRun.heard are of.
const (
	byCaller = iota
	byAgent
)

// new makes a caller who has not called yet. Voices of callers are even, those
// of agents odd.
func (c *callers) new(index int) (*callRun, error) {
	l, err := newLine(loopback)
	if err != nil {
		return nil, err
	}
	r := &callRun{callers: c, index: index, line: l, voice: newVoice(uint32(2*index), l.send)}
	for i := range r.heard {
		r.heard[i] = make(chan struct{})
	}
	l.ear = ear{onFirst: func() { close(r.heard[byCaller]) }, tally: tally{latency: new(histogram)}}
	c.calls = append(c.calls, r)
	return r, c.generator.attach(l)
}

// begin calls, talks as soon as the call is answered, and returns when an agent
// and the caller hear each other.
func (r *callRun) begin(ctx context.Context) error {
	r.mu.Lock()
	r.invited = mediaNow()
	r.mu.Unlock()
	call, err := r.callers.phone.Dial(ctx, phone.Options{
		URI: r.callers.uri, From: numberOf(r.index), Codecs: []media.Codec{media.PCMA}, Media: r.line.local,
	})
	if err != nil {
		return err
	}
	r.call = call
	if err := call.WaitAnswer(ctx); err != nil {
		return fmt.Errorf("waiting for the answer: %w", err)
	}
	if err := r.line.aim(call.Agreed().Remote); err != nil {
		return fmt.Errorf("aiming at the server's media address: %w", err)
	}
	r.callers.generator.talk(r.voice)
	for who, heard := range r.heard {
		select {
		case <-heard:
		case <-call.Done():
			return fmt.Errorf("the server ended the call: %v", call.Ending().Reason)
		case <-ctx.Done():
			return fmt.Errorf("%s heard nothing: %w", [...]string{"the caller", "the agent"}[who], ctx.Err())
		}
	}
	return nil
}

// offer notes to whom the call is offered, and has both listen for each other.
func (r *callRun) offer(a *agent, at time.Duration) {
	r.mu.Lock()
	r.agent, r.offered = a, at
	r.mu.Unlock()
	g := r.callers.generator
	g.mu.Lock()
	r.line.ear.peer = a.voice
	a.ear.peer = r.voice
	a.ear.onFirst = func() { close(r.heard[byAgent]) }
	g.mu.Unlock()
}

// accept notes that the agent has accepted the call.
func (r *callRun) accept(at time.Duration) {
	r.mu.Lock()
	r.accepted = at
	r.mu.Unlock()
}

// alive tells whether the call goes on.
func (r *callRun) alive() bool {
	select {
	case <-r.call.Done():
		return false
	default:
		return true
	}
}
