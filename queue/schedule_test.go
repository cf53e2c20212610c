package queue

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// Answer, hang-up and timeout meet within a nanosecond of each other, in every
// order and at the same instant.
func TestAnswerCancelAndTimeoutInEveryOrder(t *testing.T) {
	for _, timeout := range []string{"ring", "wait"} {
		for answer := time.Duration(-1); answer <= 1; answer++ {
			for cancel := time.Duration(-1); cancel <= 1; cancel++ {
				t.Run(fmt.Sprintf("%s answer %+d cancel %+d", timeout, answer, cancel), func(t *testing.T) {
					for range 50 {
						meet(t, timeout, answer, cancel)
					}
				})
			}
		}
	}
}

func meet(t *testing.T, timeout string, answer, cancel time.Duration) {
	const limit = 10 * time.Second
	run(t, []setting{q("q", ccs.RingAll, "ab", func(q *ccs.Queue) {
		q.RingTimeout = ccs.MillisOf(limit)
		if timeout == "wait" {
			q.RingTimeout, q.MaxWait = ccs.MillisOf(2*limit), ccs.MillisOf(limit)
		}
	})}, func(o *office) {
		o.join("1")
		offers := [2]string{o.desks["a"].offer(), o.desks["b"].offer()}
		errs := [2]error{}
		var wg sync.WaitGroup
		for i, id := range []string{"a", "b"} {
			wg.Go(func() {
				time.Sleep(limit + answer)
				errs[i] = o.desks[id].accept(offers[i])
			})
		}
		wg.Go(func() {
			time.Sleep(limit + cancel)
			o.e.Leave("1", LeaveOver)
		})
		wg.Wait()
		pass(time.Second)
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			}
		}
		_, winner := o.phones["1"].outcome()
		switch connected := winner != ""; {
		case won > 1 || connected != (won == 1):
			t.Fatalf("%d won, connected %v", won, connected)
		case won == 0 && answer < min(0, cancel):
			t.Fatal("the first was not the winner: answer")
		case won == 1 && answer > min(0, cancel):
			t.Fatal("an answer that came late won")
		}
		if o.at("1") != "" {
			t.Fatal("the caller is still there")
		}
	})
}

// schedule is a random sequence of events, checked after each.
type schedule struct {
	*office
	r      *rand.Rand
	calls  int
	mu     sync.Mutex
	offers []Offer         // seen, live and over
	inside map[string]bool // callers who joined and did not leave
	wins   int
	log    []string
}

func TestRandomSchedulesKeepEveryPromise(t *testing.T) {
	schedules := 20_000
	if testing.Short() {
		schedules = 2_000
	}
	for i := range schedules {
		seed := uint64(i)
		synctest.Test(t, func(t *testing.T) {
			s := newSchedule(t, seed)
			for range 40 {
				s.step()
				if err := s.verify(); err != nil {
					t.Fatalf("seed %d: %v\n%q", seed, err, s.log)
				}
			}
			s.finish()
			if t.Failed() {
				t.Fatalf("seed %d: %q", seed, s.log)
			}
		})
	}
}

var scheduleAgents = []string{"a", "b", "c", "d", "e"}

func newSchedule(t *testing.T, seed uint64) *schedule {
	s := &schedule{r: rand.New(rand.NewPCG(seed, 1)), inside: map[string]bool{}}
	var settings []setting
	for _, id := range []string{"q", "r", "s"} {
		members := ""
		for _, i := range s.r.Perm(len(scheduleAgents))[:1+s.r.IntN(4)] {
			members += scheduleAgents[i]
		}
		settings = append(settings, q(id, ccs.Sequential, members, s.vary))
	}
	s.office = open(t, settings...)
	for id := range s.agents {
		s.agents[id].SimultaneousCalls = 1 + s.r.IntN(2)
	}
	for _, id := range slices.Sorted(maps.Keys(s.agents)) {
		s.desks[id].onOffer = func(o Offer) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.offers = append(s.offers, o)
		}
		if s.r.IntN(4) > 0 {
			s.ready(id)
		}
	}
	return s
}

// vary sets the options of a queue at random.
func (s *schedule) vary(q *ccs.Queue) {
	q.Strategy = []ccs.Strategy{ccs.Sequential, ccs.RingAll}[s.r.IntN(2)]
	q.MaxWaiting = s.r.IntN(2) * 3
	q.MaxWait = ccs.Millis(s.r.IntN(2) * 25_000)
	q.WrapUp = ccs.Millis(s.r.IntN(2) * 4_000)
	q.RingTimeout = ccs.Millis(s.r.IntN(2) * 10_000)
	q.MissedLimit = s.r.IntN(3)
	for i := range q.Members {
		q.Members[i].Priority = s.r.IntN(2)
	}
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (s *schedule) step() {
	agent := pick(s.r, slices.Sorted(maps.Keys(s.agents)))
	desk := s.desks[agent]
	call := fmt.Sprint(1 + s.r.IntN(s.calls+1))
	queue := pick(s.r, []string{"q", "r", "s"})
	var offer Offer
	s.mu.Lock()
	if len(s.offers) > 0 {
		offer = pick(s.r, s.offers[max(0, len(s.offers)-6):])
	}
	s.mu.Unlock()
	n := s.r.IntN(100)
	s.log = append(s.log, fmt.Sprint(n, agent, call, queue))
	switch {
	case n < 22:
		if s.r.IntN(5) > 0 {
			s.calls++
			call = fmt.Sprint(s.calls)
		}
		delete(s.inside, call)
		if p := s.phones[call]; p != nil {
			p.again()
		}
		if s.joinAs(Caller{ID: call, Queue: queue, Priority: s.r.IntN(2), Front: s.r.IntN(8) == 0}) == Accepted {
			s.inside[call] = true
		}
	case n < 30:
		s.e.Leave(call, LeaveOver)
		delete(s.inside, call)
		if p := s.phones[call]; p != nil {
			p.again()
		}
	case n < 45:
		if offer.ID != "" {
			live := s.desks[offer.Agent].offer() == offer.ID
			if err := s.desks[offer.Agent].accept(offer.ID); live {
				if err != nil {
					s.t.Errorf("claim of a live offer: %v", err)
				}
				s.wins++
			}
		}
	case n < 52:
		_ = s.e.Decline(offer.ID, offer.Agent)
	case n < 56:
		s.e.SetAway(agent, "")
	case n < 62:
		s.e.SetReady(agent)
	case n < 65:
		s.e.SignOut(agent, desk)
	case n < 70:
		s.ready(agent)
	case n < 73:
		s.e.SetReachable(agent, s.r.IntN(2) == 0, "media")
	case n < 75:
		desk.mu.Lock()
		desk.deaf = !desk.deaf
		desk.mu.Unlock()
	case n < 77:
		s.e.EndWrapUp(agent)
	case n < 78:
		s.e.ExtendWrapUp(agent, time.Second)
	case n < 80:
		s.e.SetNext(agent, pick(s.r, []NextState{NextAway, NextReady}))
	case n < 83:
		if s.e.Take(call, agent, nil) == nil {
			s.wins++
		}
	case n < 85:
		_ = s.e.Reserve(agent, "out")
	case n < 88:
		s.e.Release(agent, "out")
	case n < 90:
		s.e.SetQueues(s.with(queue, s.vary))
	case n < 91:
		fewer := maps.Clone(s.queues)
		delete(fewer, queue)
		s.e.SetQueues(fewer)
	case n < 92:
		s.e.SetQueues(s.queues)
	case n < 93:
		fewer := maps.Clone(s.agents)
		delete(fewer, agent)
		s.e.SetAgents(fewer)
	case n < 94:
		changed := *s.agents[agent]
		changed.SimultaneousCalls = 1 + s.r.IntN(2)
		s.agents[agent] = &changed
		s.e.SetAgents(s.agents)
	default:
		time.Sleep(pick(s.r, []time.Duration{1, time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second}))
	}
	if s.r.IntN(3) == 0 {
		time.Sleep(time.Duration(s.r.IntN(3)) * time.Second)
	}
	synctest.Wait()
}

// verify compares what the callers heard with where the engine has them.
func (s *schedule) verify() error {
	// An agent's limit may be lowered below the calls they have.
	s.e.mu.Lock()
	over := false
	for _, a := range s.e.agents {
		over = over || len(a.calls) > a.limit()
	}
	s.e.mu.Unlock()
	if !over {
		if err := s.e.invariants(); err != nil {
			return err
		}
	}
	connected := 0
	for id, p := range s.phones {
		for _, n := range p.heard() {
			if strings.HasPrefix(n, "connected") {
				connected++
			}
		}
		ended, agent := p.outcome()
		at := s.at(id)
		switch {
		case !s.inside[id]:
			if at != "" {
				return fmt.Errorf("%s left and is still there", id)
			}
		case len(ended) > 1:
			return fmt.Errorf("%s heard %q", id, ended)
		case len(ended) == 0:
			if at != "waiting" {
				return fmt.Errorf("%s is lost", id)
			}
		case ended[0] == "connected":
			if at != agent {
				return fmt.Errorf("%s does not talk with %s", id, agent)
			}
		case at != "":
			return fmt.Errorf("%s heard %q and is still there", id, ended)
		}
	}
	if connected != s.wins {
		return fmt.Errorf("%d claims won, %d callers connected", s.wins, connected)
	}
	return nil
}

// finish has everybody go and checks that nothing is left.
func (s *schedule) finish() {
	for id := range s.phones {
		s.e.Leave(id, LeaveOver)
	}
	for id := range s.agents {
		s.e.Release(id, "out")
	}
	pass(5 * time.Minute)
	if callers, offers, timers := s.leftovers(); callers+offers+timers != 0 {
		s.t.Errorf("left: %d callers, %d offers, %d timers", callers, offers, timers)
	}
	for _, a := range s.e.Agents() {
		if a.State == Talking || a.State == Ringing || a.State == WrapUp {
			s.t.Errorf("%s is stuck: %s", a.Agent, a.State)
		}
	}
}
