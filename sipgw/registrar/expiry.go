package registrar

import (
	"container/heap"
	"slices"
	"time"
)

// expiries are all bindings, the one that ends first at the top.
type expiries []*Binding

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (e expiries) Len() int           { return len(e) }
func (e expiries) Less(i, j int) bool { return e[i].Expires.Before(e[j].Expires) }
func (e expiries) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = i, j
}

// Push adds a binding.
func (e *expiries) Push(x any) {
	b := x.(*Binding)
	b.index = len(*e)
	*e = append(*e, b)
}

// Pop takes the last one off.
func (e *expiries) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = nil
	*e = (*e)[:len(*e)-1]
	return last
}

var _ heap.Interface = (*expiries)(nil)

// schedule has the one timer run at the next end. r.mu is held.
func (r *Registrar) schedule() {
	switch {
	case len(r.queue) == 0:
		if r.timer != nil {
			r.timer.Stop()
		}
	case r.timer == nil:
		r.timer = time.AfterFunc(time.Until(r.queue[0].Expires), r.expire)
	default:
		r.timer.Reset(time.Until(r.queue[0].Expires))
	}
}

// expire drops the bindings whose time is over.
func (r *Registrar) expire() {
	r.change(func() {
		now := time.Now()
		for len(r.queue) > 0 && !r.queue[0].Expires.After(now) {
			over := r.queue[0]
			r.replace(over.line, slices.DeleteFunc(slices.Clone(r.lines[over.line]), func(b *Binding) bool { return b == over }))
		}
	})
}
