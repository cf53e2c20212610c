package sipgw

import (
	"hash/maphash"
	"net/netip"
	"time"
)

const (
	// ignoredFor is how long a telephone leaves a challenge unanswered that cannot
	// answer it; others take a moment.
	ignoredFor = 3 * time.Second
	// forgetIgnored is after what time a telephone may just have been switched off.
	forgetIgnored = 10 * time.Minute
)

// reluctant finds telephones that give up at a challenge with an algorithm that
// they do not know, whatever they are called: they ask anew, without an answer.
// From then on they are asked for MD5 alone. Of bounded size; what strangers can
// bring about is that a line is asked for MD5 at an address.
type reluctant struct {
	seed   maphash.Seed
	recent recent[asker, asked]
}

// asker is a line at an address.
type asker struct {
	source netip.Addr
	line   string // its id
}

// asked is how an asker took its challenges.
type asked struct {
	transaction uint64    // the newest, hashed
	unanswered  time.Time // since when; zero while all were answered
	md5Alone    bool
}

func newReluctant() *reluctant { return &reluctant{seed: maphash.MakeSeed()} }

// asks notes that a request is about to be challenged and tells whether to ask for
// MD5 alone. A repeated request gets the same answer.
func (r *reluctant) asks(who asker, transaction string) (md5Alone bool) {
	now, id := time.Now(), maphash.String(r.seed, transaction)
	r.recent.change(who, func(v asked) asked {
		if v.transaction != id {
			silence := now.Sub(v.unanswered)
			switch {
			case v.unanswered.IsZero(), silence > forgetIgnored:
				v.unanswered = now
			case silence >= ignoredFor:
				v.md5Alone = true
			}
			v.transaction = id
		}
		md5Alone = v.md5Alone
		return v
	})
	return md5Alone
}

// answers notes that an asker answered a challenge, rightly or not.
func (r *reluctant) answers(who asker) {
	if v, known := r.recent.get(who); known && !v.unanswered.IsZero() {
		r.recent.change(who, func(v asked) asked {
			v.unanswered = time.Time{}
			return v
		})
	}
}
