package sipgw

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/media"
)

// The two sides of a request, as the refresher parameter names them: who sends
// the request and who answers it (RFC 4028 §4).
const (
	uac = "uac"
	uas = "uas"
)

// session is the session timer of RFC 4028 as it stands: one side refreshes the
// session by a re-INVITE or UPDATE within every interval, or the call is dead.
type session struct {
	interval time.Duration // 0 for none
	ours     bool          // we refresh
}

// sessionAsk is what a message says of the session timer.
type sessionAsk struct {
	interval  time.Duration // 0 where it says nothing
	refresher string        // uac, uas, or "" for no wish
	// supported says that its sender knows session timers; otherwise a proxy on
	// the way asks.
	supported bool
}

// readSession reads what a message asks for or, in a 2xx, grants.
func readSession(m headers) sessionAsk {
	a := sessionAsk{supported: hasOption(m, timerOption)}
	value := header(m, "Session-Expires", "x")
	if value == "" {
		return a
	}
	seconds, parameters, _ := strings.Cut(value, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(seconds), 10, 31)
	if err != nil {
		return a
	}
	a.interval = time.Duration(n) * time.Second
	for p := range strings.SplitSeq(strings.ToLower(parameters), ";") {
		if name, v, _ := strings.Cut(p, "="); strings.TrimSpace(name) == "refresher" {
			if v = strings.TrimSpace(v); v == uac || v == uas {
				a.refresher = v
			}
		}
	}
	return a
}

// accept is the timer that we answer a request with (RFC 4028 §9). former is the
// one until now: where we refresh we go on, also when the peer's request, such
// as a hold, says nothing of it.
func (a sessionAsk) accept(former session, minimum time.Duration) session {
	switch {
	case a.interval == 0 && former.ours:
		return former
	case a.interval == 0:
		return session{}
	case a.interval < minimum:
		// Who knows session timers gets a 422 before this. For others a timer that
		// is too short is better left out: raising it is not allowed.
		return session{}
	}
	return session{interval: a.interval, ours: !a.supported || a.refresher == uas}
}

// grant is the timer that a 2xx to a request of ours sets (RFC 4028 §7.2).
func (a sessionAsk) grant() session {
	if a.interval == 0 {
		return session{} // the peer knows none: silence will have to tell
	}
	return session{interval: a.interval, ours: a.refresher != uas}
}

// tooShortSession makes the refusal of a session interval below the minimum, for
// peers that understand it.
func (g *Gateway) tooShortSession(req *sip.Request) (*sip.Response, bool) {
	minimum := g.cfg.Timers.MinSession
	if a := readSession(req); a.interval == 0 || a.interval >= minimum || !a.supported {
		return nil, false
	}
	res := sip.NewResponseFromRequest(req, sessionTooSmall, "Session Interval Too Small", nil)
	res.AppendHeader(sip.NewHeader("Min-SE", inSeconds(minimum)))
	return res, true
}

// answer adds what a 2xx of ours says of the session timer.
func (s session) answer(res *sip.Response) {
	if s.interval == 0 || res.StatusCode >= 300 {
		return
	}
	refresher := uas
	if !s.ours {
		refresher = uac
		res.AppendHeader(sip.NewHeader("Require", timerOption)) // RFC 4028 §9
	}
	res.AppendHeader(sip.NewHeader("Session-Expires", inSeconds(s.interval)+";refresher="+refresher))
}

// sessionWish is what our INVITEs and UPDATEs ask for. The zero value asks for
// nothing.
type sessionWish struct {
	interval, minimum time.Duration
	refresher         string // "" leaves it to the peer
}

// sessionWish is what a first INVITE asks for.
func (g *Gateway) sessionWish() sessionWish { return sessionWish{interval: g.cfg.Timers.Session} }

// add writes the wish into a request. "Supported: timer" is written elsewhere.
func (w sessionWish) add(req *sip.Request) {
	if w.interval == 0 {
		return
	}
	value := inSeconds(w.interval)
	if w.refresher != "" {
		value += ";refresher=" + w.refresher
	}
	req.AppendHeader(sip.NewHeader("Session-Expires", value))
	if w.minimum > 0 {
		req.AppendHeader(sip.NewHeader("Min-SE", inSeconds(w.minimum)))
	}
}

// sessionTooSmall refuses an interval (RFC 4028 §6).
const sessionTooSmall = 422

// maxSession bounds the interval that a 422 can raise ours to.
const maxSession = 24 * time.Hour

// raise makes the wish fit a 422, which names the least interval that somebody
// on the way takes (RFC 4028 §7.3). It returns false where that cannot help.
func (w *sessionWish) raise(res *sip.Response) bool {
	if res.StatusCode != sessionTooSmall {
		return false
	}
	n, err := strconv.ParseUint(header(res, "Min-SE", "Min-SE"), 10, 31)
	least := time.Duration(n) * time.Second
	if err != nil || least <= w.minimum || least > maxSession {
		return false
	}
	w.minimum = least
	w.interval = max(w.interval, least)
	return true
}

// startSession begins the interval anew. l.mu is held.
func (l *leg) startSession() {
	l.sessionEnd.clear()
	l.refresh = false
	l.proposeAt.clear()
	refresh, end := l.session.times(media.Now())
	switch {
	case refresh != 0:
		l.refresh = true
		l.proposeAt.set(refresh)
	case end != 0:
		l.sessionEnd.set(end)
	}
}

// times are when we refresh the session, if we do, or else when the peer must
// have done it (RFC 4028 §10); 0 for never.
func (s session) times(now time.Duration) (refresh, end time.Duration) {
	switch {
	case s.interval == 0:
		return 0, 0
	case s.ours:
		return now + s.interval/2, 0
	}
	return 0, now + s.interval - min(32*time.Second, s.interval/3)
}

// granted takes what a 2xx to our INVITE or UPDATE says of the peer and its
// session timer. l.mu is held.
func (l *leg) granted(res *sip.Response) {
	l.noteMethods(res)
	l.session = readSession(res).grant()
	l.startSession()
}

func inSeconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
