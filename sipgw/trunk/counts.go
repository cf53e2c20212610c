package trunk

import (
	"sync"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// DailyCount is how many calls somebody placed through a trunk on one day.
type DailyCount struct {
	Trunk string // id of the ccs.Trunk
	By    string // id of the agent or line; "" for plans
	Calls int
}

// Counts are how many calls run through trunks and were placed today (UTC).
// Its methods may be called by any goroutine.
type Counts struct {
	mu     sync.Mutex
	day    time.Time
	today  map[payer]int
	trunks map[string]*load
}

// payer is whose daily limit a call counts against; by is "" for the trunk.
type payer struct{ trunk, by string }

type load struct{ incoming, outgoing int }

// NewCounts makes counts that begin at zero.
func NewCounts() *Counts {
	return &Counts{today: make(map[payer]int), trunks: make(map[string]*load)}
}

// Day is the beginning of the day that a moment belongs to.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// Load adds the calls that were placed on a day before this process began.
func (c *Counts) Load(day time.Time, counts []DailyCount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(time.Now())
	if !c.day.Equal(Day(day)) {
		return
	}
	for _, n := range counts {
		c.today[payer{n.Trunk, ""}] += n.Calls
		if n.By != "" {
			c.today[payer{n.Trunk, n.By}] += n.Calls
		}
	}
}

// turn starts counting anew at midnight. c.mu is held.
func (c *Counts) turn(now time.Time) {
	if day := Day(now); !day.Equal(c.day) {
		c.day = day
		clear(c.today)
	}
}

// Out counts an outgoing call, unless a limit of the trunk forbids it: then
// guard says which. release gives the place back, but not the day's.
func (c *Counts) Out(t *ccs.Trunk, by string) (release func(), guard Guard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(time.Now())
	l, o := c.load(t.ID), t.Outgoing
	switch {
	case t.MaxCalls > 0 && l.incoming+l.outgoing >= t.MaxCalls:
		return nil, GuardCalls
	case o.MaxCalls > 0 && l.outgoing >= o.MaxCalls:
		return nil, GuardOutgoing
	case o.DailyCalls > 0 && c.today[payer{t.ID, ""}] >= o.DailyCalls:
		return nil, GuardDaily
	case by != "" && o.DailyPerAgent > 0 && c.today[payer{t.ID, by}] >= o.DailyPerAgent:
		return nil, GuardAgent
	}
	l.outgoing++
	c.today[payer{t.ID, ""}]++
	if by != "" {
		c.today[payer{t.ID, by}]++
	}
	return c.releaser(&l.outgoing), ""
}

// In counts an incoming call; ok is false where the trunk has as many calls as
// it may.
func (c *Counts) In(t *ccs.Trunk) (release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.load(t.ID)
	if t.MaxCalls > 0 && l.incoming+l.outgoing >= t.MaxCalls {
		return nil, false
	}
	l.incoming++
	return c.releaser(&l.incoming), true
}

func (c *Counts) load(trunk string) *load {
	l := c.trunks[trunk]
	if l == nil {
		l = &load{}
		c.trunks[trunk] = l
	}
	return l
}

// releaser gives one place back, once.
func (c *Counts) releaser(count *int) func() {
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		*count--
	})
}

// Of are the calls that run through a trunk, and those placed today.
func (c *Counts) Of(trunk string) (incoming, outgoing, today int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(time.Now())
	l := c.load(trunk)
	return l.incoming, l.outgoing, c.today[payer{trunk, ""}]
}
