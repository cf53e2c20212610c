package queue

import "github.com/carillon-cc/carillon/ccs"

// strategy says who of a queue's members is offered a caller (spec 5.1). Its
// functions are pure. They see only the members of one priority level who can
// be offered the caller now, none of them twice in a round (eligible.go).
type strategy struct {
	// order sorts the members in place, the first to be offered first. They
	// come in the queue's order; nil leaves them so.
	order func(c *caller, members []*member)
	// width is how many members the caller may be offered to at a time.
	width func(c *caller) int
}

// everybody is a width that no queue reaches.
const everybody = 1 << 30

var strategies = map[ccs.Strategy]strategy{
	// Always from the top, one at a time.
	ccs.Sequential: {width: func(*caller) int { return 1 }},
	// All at once; who becomes free while it rings joins in.
	ccs.RingAll: {width: func(*caller) int { return everybody }},
}

// strategyOf returns the strategy of that name and whether it is known. A queue
// with an unknown one still serves its callers, in sequence.
func strategyOf(name ccs.Strategy) (strategy, bool) {
	s, ok := strategies[name]
	if !ok {
		s = strategies[ccs.Sequential]
	}
	return s, ok
}
