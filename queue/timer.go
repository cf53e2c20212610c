package queue

import (
	"fmt"
	"runtime/debug"
	"time"
)

// timer runs an event later. All methods need the engine's mutex.
type timer struct {
	clock *time.Timer
	over  bool // ran or stopped; a stale run does nothing
}

// after has f run as an event of its own in d.
func (e *Engine) after(d time.Duration, f func()) *timer {
	t := &timer{}
	e.timers++
	t.clock = time.AfterFunc(d, func() {
		// Nobody else would catch a fault here, and it would end every call.
		defer func() {
			if fault := recover(); fault != nil {
				e.options.Log.Error("a timer of the queues failed", "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			}
		}()
		e.event(func() {
			if t.over {
				return
			}
			t.over = true
			e.timers--
			f()
		})
	})
	return t
}

// stop keeps t from running; t may be nil or over.
func (e *Engine) stop(t *timer) {
	if t == nil || t.over {
		return
	}
	t.over = true
	t.clock.Stop()
	e.timers--
}
