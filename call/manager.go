package call

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/carillon-cc/carillon/ccs"
)

// defaultMaxDuration is how long a call may last (spec 3.1.6).
const defaultMaxDuration = 4 * time.Hour

// Handler runs a call from top to bottom. It returns the cause with which the
// call should end, which does not matter where the call is already over.
type Handler func(c *Call) Cause

// Manager knows the calls of this process. Its methods may be called by any
// goroutine.
type Manager struct {
	options Options

	mu    sync.Mutex
	calls map[string]*Call
	empty chan struct{} // closed when no call runs, while somebody waits for it
}

// NewManager makes a manager of no calls.
func NewManager(o Options) *Manager {
	if o.MaxDuration == 0 {
		o.MaxDuration = defaultMaxDuration
	}
	return &Manager{options: o, calls: make(map[string]*Call)}
}

// Serve runs a call in the caller's goroutine and returns when it is over and
// everything it used is released.
func (m *Manager) Serve(leg CallerLeg, info Info, handler Handler) {
	id := ulid.Make().String()
	if info.Direction == "" {
		info.Direction = In
	}
	c := &Call{
		id: id, info: info, options: m.options, leg: leg, inbox: NewMailbox(),
		log: m.options.Log.With("call", id),
		record: ccs.CallRecord{
			Meta:      ccs.Meta{ID: id},
			Direction: string(info.Direction), From: info.From, FromName: info.FromName, To: info.To, Trunk: info.Trunk,
			Started: time.Now().UTC(), Node: m.options.Node,
		},
	}
	m.add(c)
	defer m.remove(c)
	defer c.inbox.Close()
	limit := time.AfterFunc(m.options.MaxDuration, func() { c.Post(End{Cause{By: BySystem, Reason: ReasonMaxDuration}}) })
	defer limit.Stop()

	c.log.Info("call arrived", "leg", leg.ID())
	c.Note(ccs.CallEvent{Kind: ccs.EventArrived})
	c.seat()
	leg.Listen(Listener{Packets: &inlet{&c.table, callerSlot}, Events: c.Post})
	leg.Ring()
	cause := c.guarded(handler)
	if cause == (Cause{}) {
		cause = Cause{By: BySystem, Reason: ReasonPlanEnd}
	}
	c.end(cause)
	c.log.Info("call ended", "cause", c.cause.String())
}

// guarded keeps a fault in one call from ending the others.
func (c *Call) guarded(handler Handler) (cause Cause) {
	defer func() {
		if fault := recover(); fault != nil {
			c.log.Error("call failed", "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			cause = Cause{By: BySystem, Reason: ReasonFailed}
		}
	}()
	return handler(c)
}

// Get returns the running call of this id, or nil.
func (m *Manager) Get(id string) *Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[id]
}

// Count is how many calls run.
func (m *Manager) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.calls)
}

// EndAll ends all calls.
func (m *Manager) EndAll(cause Cause) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.calls {
		c.Post(End{cause})
	}
}

// Empty returns a channel that is closed when no call runs.
func (m *Manager) Empty() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.empty == nil {
		m.empty = make(chan struct{})
		if len(m.calls) == 0 {
			close(m.empty)
		}
	}
	return m.empty
}

func (m *Manager) add(c *Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[c.id] = c
}

func (m *Manager) remove(c *Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.calls, c.id)
	if len(m.calls) == 0 && m.empty != nil {
		select {
		case <-m.empty:
		default:
			close(m.empty)
		}
	}
}
