package sipgw

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/media"
)

// minSession is the shortest session interval that is accepted (RFC 4028 §5).
const minSession = 90 * time.Second

// session is the session timer of RFC 4028: the peer refreshes the session by a
// re-INVITE or UPDATE, or the call is dead. We ask for none ourselves, since
// sound that stops tells the same sooner, and leave refreshing to the peer.
type session struct {
	interval time.Duration // 0 for none
}

// readSession reads the interval that a peer asks for, if it can refresh.
func readSession(req *sip.Request) session {
	h := header(req, "Session-Expires", "x")
	if h == "" {
		return session{}
	}
	tags := append(optionTags(req, "Supported"), optionTags(req, "k")...)
	for _, tag := range append(tags, optionTags(req, "Require")...) {
		if tag == supported {
			seconds, parameters, _ := strings.Cut(h, ";")
			n, err := strconv.ParseUint(strings.TrimSpace(seconds), 10, 31)
			if err != nil || strings.Contains(strings.ToLower(parameters), "refresher=uas") {
				// It wants us to refresh; without a timer in our answer the
				// session has none, which the peer must accept.
				return session{}
			}
			return session{interval: time.Duration(n) * time.Second}
		}
	}
	return session{}
}

// tooShortSession makes the refusal of a session interval below the minimum.
func tooShortSession(req *sip.Request) (*sip.Response, bool) {
	if s := readSession(req); s.interval == 0 || s.interval >= minSession {
		return nil, false
	}
	res := sip.NewResponseFromRequest(req, 422, "Session Interval Too Small", nil)
	res.AppendHeader(sip.NewHeader("Min-SE", strconv.Itoa(int(minSession/time.Second))))
	return res, true
}

// answer adds what a 2xx says of the session timer.
func (s session) answer(res *sip.Response) {
	if s.interval == 0 || res.StatusCode >= 300 {
		return
	}
	res.AppendHeader(sip.NewHeader("Require", supported))
	res.AppendHeader(sip.NewHeader("Session-Expires", strconv.Itoa(int(s.interval/time.Second))+";refresher=uac"))
}

// startSession begins the interval anew. l.mu is held.
func (l *leg) startSession() {
	expires := time.Duration(0)
	if l.session.interval > 0 {
		expires = media.Now() + l.session.interval
	}
	l.sessionEnd.Store(int64(expires))
}

// sessionExpired tells whether the peer let the session expire.
func (l *leg) sessionExpired(now time.Duration) bool {
	end := time.Duration(l.sessionEnd.Load())
	return end != 0 && now > end
}

// header is the value of the first header of a name or its compact form.
func header(req *sip.Request, name, compact string) string {
	for _, n := range []string{name, compact} {
		if h := req.GetHeader(n); h != nil {
			return strings.TrimSpace(h.Value())
		}
	}
	return ""
}
