package browser

import (
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// Pace of the checks: repeated at once until one is answered, and then kept up
// so that the server does not think the browser lost (RFC 7675 §5.1).
const (
	firstRepeat   = 50 * time.Millisecond
	lastRepeat    = 400 * time.Millisecond
	consentPeriod = 5 * time.Second
)

// candidatePriority is that of a host candidate, RFC 8445 §5.1.2.1.
const candidatePriority = 126<<24 | 0xffff<<8 | 255

// checks are a browser's connectivity checks. It is the controlling agent, and
// nominates the only pair it has.
type checks struct {
	mu          sync.Mutex
	setters     []stun.Setter
	pwd         string
	transaction [stun.TransactionIDSize]byte
	next        time.Duration
	repeat      time.Duration
	waiting     bool
}

func (c *checks) begin(ufrag string, a *answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pwd = a.pwd
	c.repeat = firstRepeat
	c.setters = []stun.Setter{
		stun.BindingRequest,
		stun.NewUsername(a.ufrag + ":" + ufrag),
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{candidatePriority >> 24, 0xff, 0xff, 0xff}},
		stun.RawAttribute{Type: stun.AttrICEControlling, Value: []byte(ufrag)}, // 8 random bytes
		stun.RawAttribute{Type: stun.AttrUseCandidate},
		stun.NewShortTermIntegrity(a.pwd),
		stun.Fingerprint,
	}
}

// due returns the check that must be sent now, or nil.
func (c *checks) due(now time.Duration) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.setters == nil || now < c.next {
		return nil
	}
	if c.waiting {
		c.repeat = min(2*c.repeat, lastRepeat)
	}
	c.waiting = true
	c.next = now + c.repeat
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID}, c.setters...)...)
	if err != nil {
		return nil
	}
	c.transaction = m.TransactionID
	return m.Raw
}

// answered takes a STUN message and tells whether it is the server's consent.
func (c *checks) answered(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := &stun.Message{}
	if stun.Decode(b, m) != nil || m.Type != stun.BindingSuccess || m.TransactionID != c.transaction ||
		stun.NewShortTermIntegrity(c.pwd).Check(m) != nil {
		return false
	}
	if c.waiting {
		c.waiting = false
		c.repeat = firstRepeat
		c.next += consentPeriod
	}
	return true
}
