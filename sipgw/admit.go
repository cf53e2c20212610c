package sipgw

import (
	"log/slog"
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/digest"
)

// admit decides whether a request is handled, and by whom it is sent. It answers
// the request itself, with a challenge or not at all, where it is not.
func (g *Gateway) admit(x *exchange) bool {
	source := dialog.Source(x.req)
	place, trusted := g.acl.find(source.Addr())
	trusted = trusted && !place.guest
	transport := x.req.Transport()
	lines := g.guard.lines.Load()
	from := lines.byUser([]byte(user(x.req.From().Address)))

	switch {
	case x.req.Method == sip.ACK:
		l := g.find(x.req)
		return l != nil && (trusted || g.mayTalk(l, transport, source))
	case x.req.Method == sip.CANCEL: // of nothing, or sipgo would have taken it
		return trusted || g.guard.familiar(transport, source)
	case x.req.Method == sip.REGISTER:
		if from == nil && lines.none() {
			return trusted // whom onRegister tells that we are no registrar
		}
		return (trusted || from != nil) && g.prove(x, from, source)
	}
	if _, within := dialog.RequestID(x.req); within {
		l := g.find(x.req)
		if trusted || l != nil && g.mayTalk(l, transport, source) {
			return true
		}
		if l != nil && l.line != "" && from != nil && from.ID == l.line {
			return g.prove(x, from, source) // it is somewhere else now
		}
		return l == nil && g.guard.familiar(transport, source)
	}
	if from == nil || place.prefix.IsValid() && !g.registrar.Has(from.ID, transport, source) {
		return trusted
	}
	if x.req.Method == sip.OPTIONS && g.registrar.Has(from.ID, transport, source) {
		return true // a telephone that keeps its NAT open
	}
	return g.prove(x, from, source)
}

// mayTalk tells whether a source is where the peer of a call is.
func (g *Gateway) mayTalk(l *leg, transport string, source netip.AddrPort) bool {
	_, peer := l.dialog.Way()
	return peer.Addr() == source.Addr() || l.line != "" && g.registrar.Has(l.line, transport, source)
}

// prove has the sender of a request prove to be a line's telephone; line is nil
// where there is none, which nobody can prove and nobody is told.
func (g *Gateway) prove(x *exchange, line *ccs.Line, source netip.AddrPort) bool {
	var id, number string
	var secrets ccs.LineSecrets
	if line != nil {
		id, number, secrets = line.ID, line.Number, line.Secrets
	}
	transport := x.req.Transport()
	who := guesser{source: netip.AddrPortFrom(sourceOf(source.Addr()), 0), line: id}
	if g.registrar.Has(id, transport, source) {
		who.source = source
	}
	given := authorization(x.req)
	if len(given) > 0 && !g.guard.guesses.allowed(who) {
		g.guard.throttled.Add(1)
		return false
	}
	outcome := g.guard.digest.Verify(digest.Request{
		Method: string(x.req.Method), URI: x.req.Recipient.String(), Source: source.Addr(), Authorization: given,
	}, number, secrets)
	if outcome != digest.Missing {
		g.guard.reluctant.answers(asker{source.Addr(), id})
	}
	switch outcome {
	case digest.Right:
		x.line = line
		if s := g.guard.streams.get(transport, source); s != nil {
			s.prove()
		}
		g.guard.befriend(source)
		return true
	case digest.Wrong:
		g.guard.failures.Add(1)
		silent, alarm := g.guard.guesses.wrong(who)
		if line != nil {
			g.wrongPasswords.note(id, source)
			switch {
			case alarm: // once: what follows would only fill the log
				g.log.Warn("a line's password is being guessed: further wrong ones from there get no answer for a while",
					slog.String("line", id), slog.String("source", source.String()))
			case !silent:
				g.log.Info("a wrong password was given for a line", slog.String("line", id), slog.String("source", source.String()))
			}
		}
		if silent {
			g.guard.throttled.Add(1)
			return false
		}
	}
	g.guard.challenges.Add(1)
	_ = x.tx.Respond(g.guard.challenge(x.req, line, source.Addr(), outcome == digest.Stale))
	return false
}
