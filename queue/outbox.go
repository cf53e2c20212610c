package queue

import "sync"

// outbox holds what receivers outside must be told. It is filled under the
// engine's mutex, so in the order of events, and emptied without it by one
// goroutine at a time, so that each receiver hears everything in that order. A
// receiver may call the engine: what follows is delivered after it returns.
type outbox struct {
	mu         sync.Mutex
	messages   []func()
	delivering bool
}

// put adds a message.
func (o *outbox) put(message func()) {
	o.mu.Lock()
	o.messages = append(o.messages, message)
	o.mu.Unlock()
}

// deliver hands out everything, unless another goroutine is at it: that one
// then takes the new messages along. Receivers only post, so it is soon there.
func (o *outbox) deliver() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.delivering {
		return
	}
	o.delivering = true
	defer func() { o.delivering = false }() // also when a receiver panics
	for len(o.messages) > 0 {
		batch := o.messages
		o.messages = nil
		o.hand(batch)
	}
}

// hand delivers a batch with the mutex released. What a receiver that panics
// has kept from the others goes out with the next batch.
func (o *outbox) hand(batch []func()) {
	o.mu.Unlock()
	next := 0
	defer func() {
		o.mu.Lock()
		if rest := batch[next:]; len(rest) > 0 {
			o.messages = append(rest, o.messages...)
		}
	}()
	for next < len(batch) {
		message := batch[next]
		next++
		message()
	}
}
