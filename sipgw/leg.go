package sipgw

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// errOver is what answering a call gives that is over already; its Gone was or
// will be told.
var errOver = errors.New("the caller is gone")

// leg is a telephone in a call, whoever called whom: what happens within a
// dialog and to its sound. caller and called add how it came about.
type leg struct {
	gateway *Gateway
	id      string
	log     *slog.Logger
	// self is the caller or called that the leg is part of, as the call knows it.
	self call.Leg
	// party is who ends the call when this telephone does.
	party call.Party
	// giveUp ends what was not answered: a refusal or a CANCEL.
	giveUp  func(cause call.Cause)
	arrival arrival // of a caller
	dialog  *dialog.Dialog
	contact sip.ContactHeader
	line    string     // id of the ccs.Line whose telephone it is, "" for others
	at      netip.Addr // where the peer was when the leg was made

	port      *media.Port
	media     netip.AddrPort // our media address as the peer is told it
	output    *media.Output
	keepAlive *media.KeepAlive
	reporter  *media.Reporter
	keys      *media.DigitSender
	digits    media.DigitReceiver // the port's reader only
	tones     media.ToneKeys      // the port's reader only
	inband    atomic.Bool         // the peer can tell keys by their tones alone

	// trusted peers may transfer calls: REFER, INVITE with Replaces.
	trusted bool
	// placed says that we called, so that the Call-ID is ours.
	placed bool
	// credentials answer a challenge to a request of ours within the dialog.
	credentials credentials

	listener atomic.Pointer[call.Listener]
	talking  atomic.Bool // answered and not over
	progress atomic.Bool // sound may be sent before the answer
	hearing  atomic.Bool // of a telephone that rings: the network's sound is passed on
	quiet    deadline    // since when silence counts; none while it does not
	// When the peer must have refreshed the session, and when we do.
	sessionEnd, proposeAt deadline
	probing               atomic.Bool // silence is being looked into

	over chan struct{} // closed when the leg is over
	left chan struct{} // closed when the peer sent a BYE

	mu    sync.Mutex
	state state
	sdp   []byte // what the 200 holds
	// previewed says that a 183 held it. To the peer that is our answer, although
	// it came unreliably: an UPDATE may have the next offer.
	previewed bool
	offering  bool // our offer is not answered yet
	// offerIn is the number of the peer's INVITE whose 200 holds that offer, or
	// ours for an INVITE of ours.
	offerIn   int64
	writer    *sdp.Writer
	agreed    sdp.Agreement
	held      bool                         // as last told
	silence   bool                         // as last told: held, and sent nothing
	events    []call.Event                 // before the first Listen
	taken     chan struct{}                // closed by the first Listen, of a leg that replaces another
	heard     bool                         // Listen was called
	waiting   map[uint32]chan *sip.Request // for the ACK of this CSeq
	unacked   bool                         // our 200 to the first INVITE has no ACK yet
	why       call.Cause                   // of our ending the call
	bye       bool                         // a BYE waits for that ACK
	session   session
	raised    time.Duration // the least interval that a 422 asked for
	proposing bool          // our INVITE or UPDATE has no final response yet
	updates   bool          // the peer takes UPDATE
	refresh   bool          // we refresh the session at proposeAt
	told      media.Codec   // what the listener believes that Codec is
	referral  *referral     // the transfer that the peer asked for and that is under way
	referred  bool          // there was one before
	last      keypress
}

// state is how far a leg has come.
type state uint8

const (
	early state = iota
	answered
	ended
)

// keypress is the last key that was pressed and how it was told.
type keypress struct {
	digit byte
	way   way
	at    time.Duration
}

// way is how a key is told.
type way uint8

const (
	byEvent way = iota // RFC 4733
	byInfo
	byTone // in the sound
)

// sameKeyTime is how close reports of one key in different ways come at most: some
// telephones send more than one.
const sameKeyTime = 500 * time.Millisecond

// maxEvents bounds what is kept for the first Listen.
const maxEvents = 64

// newLeg makes a leg without sound. name is unique in the process.
func (g *Gateway) newLeg(name string) *leg {
	return &leg{
		gateway: g,
		id:      "sip-" + name,
		log:     g.log.With(slog.String("leg", "sip-"+name)),
		over:    make(chan struct{}),
		left:    make(chan struct{}),
		waiting: make(map[uint32]chan *sip.Request),
	}
}

// ID names the leg.
func (l *leg) ID() string { return l.id }

// Codec is what the caller is sent.
func (l *leg) Codec() media.Codec { return l.output.Codec() }

// PacketTime is how much sound the telephone wants in a packet; 0 when it did
// not say.
func (l *leg) PacketTime() time.Duration { return l.output.PacketTime() }

// WritePacket sends sound to the caller once the call is answered, or Progress
// has told the caller to listen before, unless the
// caller's hold forbids it.
func (l *leg) WritePacket(p *media.Packet) {
	if l.talking.Load() || l.progress.Load() {
		l.output.WritePacket(p)
	}
}

// SendDigit sends a key to the caller.
func (l *leg) SendDigit(digit byte) {
	if l.talking.Load() {
		l.keys.Send(digit)
	}
}

// Listen says where the caller's sound and events go.
func (l *leg) Listen(to call.Listener) {
	l.listener.Store(&to)
	l.mu.Lock()
	kept := l.events
	l.events, l.heard = nil, true
	if l.taken != nil && to.Events != nil {
		close(l.taken)
		l.taken = nil
	}
	l.mu.Unlock()
	if to.Events != nil {
		for _, e := range kept {
			to.Events(e)
		}
	}
}

// post tells an event. l.mu must not be held: a listener may call back.
func (l *leg) post(e call.Event) {
	l.mu.Lock()
	if !l.heard {
		if len(l.events) < maxEvents {
			l.events = append(l.events, e)
		}
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	if to := l.listener.Load(); to.Events != nil {
		to.Events(e)
	}
}

// digit tells a key unless it is the same one told in another way.
func (l *leg) digit(digit byte, by way) {
	now := media.Now()
	l.mu.Lock()
	twice := l.last.digit == digit && l.last.way != by && now-l.last.at < l.gateway.cfg.sameKey
	if !twice {
		l.last = keypress{digit, by, now}
	}
	over := l.state == ended
	l.mu.Unlock()
	if !twice && !over {
		l.post(call.Digit{Leg: l.self, Digit: digit})
	}
}

// holds notes that a key that was told goes on: that it is told in another way
// as well may come at its end.
func (l *leg) holds(digit byte, by way) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last.digit == digit && l.last.way == by {
		l.last.at = media.Now()
	}
}

// receive takes the peer's packets in the port's reader.
func (l *leg) receive(_ media.Header, p *media.Packet) {
	talking := l.talking.Load()
	if !talking && !l.hearing.Load() {
		return
	}
	if talking && p.Codec == media.TelephoneEvent {
		if digit, fresh := l.digits.Receive(p); fresh {
			l.digit(digit, byEvent)
		} else if digit != 0 {
			l.holds(digit, byEvent)
		}
	}
	if talking && l.inband.Load() {
		var room [4]byte
		for _, digit := range l.tones.Receive(p, room[:0]) {
			l.digit(digit, byTone)
		}
		if held := l.tones.Held(); held != 0 {
			l.holds(held, byTone)
		}
	}
	if to := l.listener.Load(); to != nil && to.Packets != nil && p.Codec != media.TelephoneEvent {
		to.Packets.WritePacket(p)
	}
}

// release gives back what the leg used. The leg is over.
func (l *leg) release() {
	l.keys.Stop()
	l.gateway.cfg.Pacer.Remove(l)
	l.reporter.Bye()
	l.port.Close()
}
