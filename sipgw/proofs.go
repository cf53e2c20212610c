package sipgw

import (
	"slices"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/digest"
)

// maxChallenges bounds how many challenges one request answers.
const maxChallenges = 5

// proofs are the answers to the challenges that a request met on its way: one a
// realm (RFC 3261 §22.1). The zero value has none.
type proofs struct {
	given []proof
	count int // challenges that were answered
}

// proof is a header that answers a challenge.
type proof struct {
	realm  string
	header sip.Header
}

// answer answers the challenge of a 401 or 407 to a request. It returns false
// where there is none, or the same realm asks again although the nonce was not
// too old: then the password is wrong. An error says that it cannot be answered.
func (p *proofs) answer(res *sip.Response, req *sip.Request, known credentials) (bool, error) {
	if known.user == "" || p.count == maxChallenges ||
		res.StatusCode != sip.StatusUnauthorized && res.StatusCode != sip.StatusProxyAuthRequired {
		return false, nil
	}
	challenge, err := digest.Read(res)
	if err != nil {
		return false, err
	}
	header, err := challenge.Answer(string(req.Method), req.Recipient.String(), known.user, known.password)
	if err != nil {
		return false, err
	}
	// A proxy and the server behind it may have one realm.
	same := func(b proof) bool { return b.realm == challenge.Realm && b.header.Name() == header.Name() }
	if slices.ContainsFunc(p.given, same) && !challenge.Stale {
		return false, nil
	}
	p.count++
	p.given = append(slices.DeleteFunc(p.given, same), proof{challenge.Realm, header})
	return true, nil
}

// add puts the answers into a request that has none.
func (p proofs) add(r *sip.Request) {
	for _, b := range p.given {
		r.AppendHeader(b.header)
	}
}

// replace puts the answers into a request in place of those that it has.
func (p proofs) replace(r *sip.Request) {
	removeHeaders(r, "Authorization", "Proxy-Authorization")
	p.add(r)
}

// clone is for who keeps the answers while more may follow.
func (p proofs) clone() proofs { return proofs{slices.Clone(p.given), p.count} }
