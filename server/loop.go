package server

import (
	"sync"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw"
)

// maxAlike is how many calls of one caller to one number of ours may ring at one
// number outside at a time. More are one call that comes back to us, from where it
// was sent, again and again: the networks on its way tell nothing of that.
const maxAlike = 10

// route is a way that calls take out of here.
type route struct{ from, to, outside string }

// routes counts the calls that ring outside by the way that they took.
type routes struct {
	mu      sync.Mutex
	ringing map[route]int
}

// begin counts a call that is to ring outside. done is to be called when it rings no
// more; ok is false where too many are alike.
func (r *routes) begin(info call.Info, o sipgw.Outgoing) (done func(), ok bool) {
	if o.Number == "" || info.Direction != call.In {
		return func() {}, true
	}
	way := route{info.From, info.To, o.Number}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ringing[way] >= maxAlike {
		return nil, false
	}
	if r.ringing == nil {
		r.ringing = make(map[route]int)
	}
	r.ringing[way]++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.ringing[way]--; r.ringing[way] == 0 {
			delete(r.ringing, way)
		}
	}, true
}
