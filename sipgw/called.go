package sipgw

import (
	"errors"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
)

// called is a telephone that we call: a leg that begins with INVITEs of ours,
// one or several, of which one is answered at most.
type called struct {
	*leg
	trunk   string // id of the ccs.Trunk; "" of a line
	placing placing

	// stop is closed when no answer is wanted any more: because of unwanted.
	stop     chan struct{}
	stopping sync.Once
	unwanted call.Cause
	verdicts chan verdict

	// telling is held while an event is told, so that nobody hears that it rings
	// after it was answered.
	telling sync.Mutex
	// Guarded by leg.mu.
	rang, toldRinging, toldEarly bool

	// Of run's goroutine.
	redirects int
}

// verdict is how an attempt failed.
type verdict struct {
	hop      hop
	status   int // 0 for no answer at all
	cause    call.Cause
	contacts []sip.Uri // of a 3xx
}

// elsewhere tells whether another way may do better.
func (v verdict) elsewhere() bool {
	return v.status == 0 || v.status == sip.StatusServiceUnavailable ||
		v.status == sip.StatusRequestTimeout && v.cause.Reason != call.ReasonNoAnswer
}

// answeredElsewhere ends the INVITEs that are left when one was answered.
var answeredElsewhere = call.Cause{By: call.BySystem, Reason: call.ReasonCancelled, Status: sip.StatusOK}

// run owns the leg from its first INVITE to its end.
func (l *called) run() {
	defer l.gateway.calls.Done()
	func() {
		defer l.gateway.contain("placing a call", func() {
			l.end(call.Cause{By: call.BySystem, Reason: call.ReasonFailed}, true)
		})
		l.try()
	}()
	<-l.over
	l.release()
	if l.placing.release != nil {
		l.placing.release()
	}
}

// try calls until somebody answers, the leg is over, or nobody is left.
func (l *called) try() {
	limit := time.NewTimer(l.gateway.cfg.Timers.Ringing)
	defer limit.Stop()
	var (
		waiting = l.placing.hops
		running int
		failure = verdict{cause: call.Cause{By: call.ByCalled, Reason: l.placing.unreached}}
	)
	for {
		for len(waiting) > 0 && (running == 0 || l.placing.fork) {
			a := newAttempt(l, waiting[0])
			waiting = waiting[1:]
			running++
			l.gateway.byes.Go(a.run)
		}
		if running == 0 {
			l.fail(failure.cause)
			return
		}
		select {
		case v := <-l.verdicts:
			running--
			more, followed := l.redirect(&v)
			switch {
			case followed && l.placing.fork:
				waiting = append(waiting, more...)
				continue
			case followed:
				waiting = more
				continue
			}
			if rank(v) > rank(failure) {
				failure = v
			}
			switch {
			case v.status >= 600: // for all of who is called (RFC 3261 §16.7 step 5)
				l.fail(v.cause)
				return
			case !l.placing.fork && !v.elsewhere():
				waiting = nil
			}
		case <-limit.C:
			l.fail(call.Cause{By: call.ByCalled, Reason: call.ReasonNoAnswer})
			return
		case <-l.stop:
			return
		}
	}
}

// rank orders failures by how much they say of who is called (RFC 3261 §16.7
// step 6).
func rank(v verdict) int {
	switch {
	case v.status >= 600:
		return 4
	case v.cause.Reason == call.ReasonTheirBusy || v.cause.Reason == call.ReasonDeclined:
		return 3
	case v.status != 0 && !v.elsewhere():
		return 2
	case v.status != 0:
		return 1
	}
	return 0
}

// redirect tells of a 3xx and finds out where to go on, if that is wanted.
// Otherwise the verdict says why not.
func (l *called) redirect(v *verdict) (more []hop, followed bool) {
	if v.status/100 != 3 {
		return nil, false
	}
	if len(v.contacts) > 0 {
		l.tell(call.Forwarded{Leg: l, To: user(v.contacts[0])})
	}
	if l.placing.follow == nil {
		return nil, false
	}
	if l.redirects == maxRedirects {
		l.log.Info("a call was forwarded too often")
		return nil, false
	}
	l.redirects++
	for _, contact := range v.contacts {
		hops, err := l.placing.follow(contact)
		var refused *RefusedError
		switch {
		case err == nil:
			more = append(more, hops...)
		case errors.As(err, &refused):
			v.cause = call.Cause{By: call.BySystem, Reason: refused.Reason, Status: v.status}
			l.log.Info("a forward is not followed", "err", err)
		default:
			l.log.Info("a forward is not followed", "err", err)
		}
	}
	return more, len(more) > 0
}

// fail ends a leg that nobody answered.
func (l *called) fail(cause call.Cause) {
	l.telling.Lock() // an answer comes before or after
	defer l.telling.Unlock()
	l.mu.Lock()
	unanswered := l.state == early
	l.mu.Unlock()
	if unanswered {
		l.end(cause, true)
	}
}

// stopTrying has all INVITEs cancelled that were not answered, once.
func (l *called) stopTrying(cause call.Cause) {
	l.stopping.Do(func() {
		l.unwanted = cause
		close(l.stop)
	})
}

// tell posts an event of a leg that is not over.
func (l *called) tell(e call.Event) {
	l.telling.Lock()
	defer l.telling.Unlock()
	l.mu.Lock()
	over := l.state == ended
	l.mu.Unlock()
	if !over {
		l.post(e)
	}
}

// Trunk is the trunk that the call goes out through, "" for a line.
func (l *called) Trunk() string { return l.trunk }
