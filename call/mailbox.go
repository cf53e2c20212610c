package call

import "sync"

// Mailbox is an unbounded inbox: posting never blocks, so that no two
// goroutines can ever wait for each other. Any goroutine posts; the owner alone
// takes.
type Mailbox struct {
	mu     sync.Mutex
	events []Event
	closed bool
	wake   chan struct{} // holds one token while events wait
}

// NewMailbox makes an empty inbox.
func NewMailbox() *Mailbox { return &Mailbox{wake: make(chan struct{}, 1)} }

// Post adds an event. Events for a closed Mailbox are dropped: their call is
// over.
func (m *Mailbox) Post(e Event) { m.post(e) }

// post is Post, and tells whether the event was taken.
func (m *Mailbox) post(e Event) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.events = append(m.events, e)
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return true
}

// Next takes the oldest event, if there is one.
func (m *Mailbox) Next() (Event, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.events) == 0 {
		return nil, false
	}
	e := m.events[0]
	m.events[0] = nil
	m.events = m.events[1:]
	return e, true
}

// Wake is readable when events may wait.
func (m *Mailbox) Wake() <-chan struct{} { return m.wake }

// Close drops all that comes later, and returns what waited.
func (m *Mailbox) Close() []Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	waiting := m.events
	m.closed, m.events = true, nil
	return waiting
}
