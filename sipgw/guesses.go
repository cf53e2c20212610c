package sipgw

import (
	"net/netip"
	"time"
)

// How passwords are guarded against guessing, by source and line: an attack on a
// line from one address says nothing about another line or another address. A
// telephone that is registered is a source of its own, whoever shares its
// address.
const (
	freeGuesses    = 5 // wrong passwords that are answered
	firstSilence   = time.Second
	longestSilence = 5 * time.Minute
	forgiveGuesses = 15 * time.Minute
	// A right password is let in during the silence too. So passwords go on
	// being checked, at this rate.
	guessRate  = 2.0
	guessBurst = 20.0
)

// guesser is who guesses at what.
type guesser struct {
	source netip.AddrPort // without a port but that of a registered telephone
	line   string
}

// guessing is how it went so far.
type guessing struct {
	bucket bucket
	wrong  int
	last   time.Time
	silent time.Time // until when wrong passwords get no answer
}

// guesses are the wrong passwords of late. Bounded: only those count whose
// source has proved to be real.
type guesses struct{ recent recent[guesser, guessing] }

// allowed tells whether a password may be checked.
func (g *guesses) allowed(who guesser) bool {
	v, known := g.recent.get(who)
	if !known {
		return true
	}
	v.bucket.refill(time.Now(), guessRate, guessBurst)
	return v.bucket.tokens >= 1
}

// wrong notes a wrong password and tells whether to be silent about it. alarm is
// set for the one that the silence begins with: somebody is guessing.
func (g *guesses) wrong(who guesser) (silent, alarm bool) {
	now := time.Now()
	g.recent.change(who, func(v guessing) guessing {
		if now.Sub(v.last) > forgiveGuesses {
			v.wrong, v.silent = 0, time.Time{}
		}
		v.bucket.take(now, guessRate, guessBurst)
		v.wrong, v.last = v.wrong+1, now
		if silent = now.Before(v.silent); !silent && v.wrong >= freeGuesses {
			doublings := min(v.wrong-freeGuesses, 16)
			v.silent = now.Add(min(firstSilence<<doublings, longestSilence))
			alarm = v.wrong == freeGuesses
		}
		return v
	})
	return silent, alarm
}
