package call_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// leg is a party made of memory: it keeps what it is sent and can speak.
type leg struct {
	id string

	mu       sync.Mutex
	listener call.Listener
	heard    map[media.Source]int
	did      []string
}

func newLeg(id string) *leg { return &leg{id: id, heard: make(map[media.Source]int)} }

func (l *leg) ID() string         { return l.id }
func (l *leg) Codec() media.Codec { return media.PCMA }
func (l *leg) Ring()              { l.note("ring") }
func (l *leg) Progress() error    { l.note("progress"); return nil }
func (l *leg) Answer() error      { l.note("answer"); return nil }

func (l *leg) Refuse(c call.Cause)  { l.note("refuse " + c.String()) }
func (l *leg) Hangup(c call.Cause)  { l.note("hangup " + c.String()) }
func (l *leg) SendDigit(digit byte) { l.note("digit " + string(digit)) }
func (l *leg) Listen(n call.Listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener = n
}

func (l *leg) WritePacket(p *media.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard[p.Source]++
}

func (l *leg) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did = append(l.did, what)
}

// has tells whether the leg was told to do something.
func (l *leg) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.did {
		if d == what {
			return true
		}
	}
	return false
}

// times is how often the leg was told to do something.
func (l *leg) times(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, d := range l.did {
		if d == what {
			n++
		}
	}
	return n
}

// speak has the party send n packets.
func (l *leg) speak(source media.Source, n int) {
	l.mu.Lock()
	to := l.listener.Packets
	l.mu.Unlock()
	if to == nil {
		return
	}
	p := media.Packet{Source: source, Codec: media.PCMA, Payload: make([]byte, 160)}
	for range n {
		to.WritePacket(&p)
		p.Sequence++
		p.Timestamp += media.FrameSamples
	}
}

func (l *leg) tell(e call.Event) {
	l.mu.Lock()
	to := l.listener.Events
	l.mu.Unlock()
	if to != nil {
		to(e)
	}
}

func (l *leg) heardOf(s media.Source) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard[s]
}

// heardOthers counts packets of sources that are none of these: prompts and
// music.
func (l *leg) heardOthers(but ...media.Source) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for s, count := range l.heard {
		known := false
		for _, b := range but {
			known = known || s == b
		}
		if !known {
			n += count
		}
	}
	return n
}

// journal keeps the last state of the record.
type journal struct {
	mu   sync.Mutex
	last ccs.CallRecord
}

func (j *journal) Save(r ccs.CallRecord) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = r
}

func (j *journal) record() ccs.CallRecord {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// maxDuration of the test calls. The real limit is hours, in which the pacer
// would tick millions of times.
const maxDuration = 10 * time.Minute

// world is a call under way in virtual time.
type world struct {
	manager *call.Manager
	caller  *leg
	journal *journal
	done    chan struct{}
	call    *call.Call
	running sync.WaitGroup
}

func begin(t *testing.T, handler call.Handler) *world {
	t.Helper()
	return beginRecorded(t, nil, handler)
}

// beginRecorded begins a call that recorders can record.
func beginRecorded(t *testing.T, recorders call.Recorders, handler call.Handler) *world {
	t.Helper()
	w := beginWith(t, func(o *call.Options) { o.Recorder = recorders })
	w.run(t, handler, func(h call.Handler) {
		w.manager.Serve(w.caller, call.Info{From: "+33123456789", To: "1000"}, h)
	})
	return w
}

// beginWith makes a world without a call yet.
func beginWith(t *testing.T, change func(*call.Options)) *world {
	t.Helper()
	pacer := media.NewPacer()
	ctx, cancel := context.WithCancel(t.Context())
	w := &world{caller: newLeg("caller"), journal: &journal{}, done: make(chan struct{})}
	w.running.Go(func() { pacer.Run(ctx) })
	o := call.Options{
		Pacer: pacer, Music: media.NewPrompt(make([]byte, 160*50)), RingBack: media.NewPrompt(make([]byte, 160*50)),
		Journal: w.journal, Log: slog.New(slog.DiscardHandler), MaxDuration: maxDuration,
	}
	change(&o)
	w.manager = call.NewManager(o)
	t.Cleanup(func() {
		w.manager.EndAll(call.Cause{By: call.BySystem, Reason: call.ReasonShutdown})
		<-w.done
		cancel()
		w.running.Wait()
	})
	return w
}

// run runs the world's call and returns when its handler has begun.
func (w *world) run(t *testing.T, handler call.Handler, serve func(call.Handler)) {
	t.Helper()
	started := make(chan struct{})
	w.running.Go(func() {
		defer close(w.done)
		serve(func(c *call.Call) call.Cause {
			w.call = c
			close(started)
			return handler(c)
		})
	})
	<-started
}

// place has alice make a call.
func (w *world) place(t *testing.T, alice call.Leg, handler call.Handler) {
	t.Helper()
	w.run(t, handler, func(h call.Handler) {
		w.manager.Place(call.Placing{
			ID: "01JD000000000000000000CALL", Info: call.Info{Direction: call.Out, FromName: "Alice", To: "+33123456789"},
			Agent: call.Talker{Agent: "alice", Name: "Alice", Leg: alice},
		}, h)()
	})
}

// talkWith connects an agent at once and keeps how the talk ended.
func talkWith(agent *leg, ended *atomic.Uint32) call.Handler {
	return func(c *call.Call) call.Cause {
		end, err := c.Talk(call.Talker{Agent: "alice", Name: "Alice", Leg: agent})
		if err == nil {
			ended.Store(uint32(end))
			_, _ = c.Await(-1, func(call.Event) bool { return false })
		}
		return call.Cause{}
	}
}

func kinds(r ccs.CallRecord) map[ccs.EventKind]int {
	m := make(map[ccs.EventKind]int)
	for _, e := range r.Events {
		m[e.Kind]++
	}
	return m
}

func TestTalkCarriesSoundBothWaysAndEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := newLeg("agent")
		var end atomic.Uint32
		w := begin(t, talkWith(agent, &end))
		synctest.Wait()
		w.caller.speak(1001, 50)
		agent.speak(1002, 40)
		if got := agent.heardOf(1001); got != 50 {
			t.Errorf("agent heard %d packets of the caller, want 50", got)
		}
		if got := w.caller.heardOf(1002); got != 40 {
			t.Errorf("caller heard %d packets of the agent, want 40", got)
		}
		w.caller.tell(call.Gone{Leg: w.caller, Cause: call.Cause{By: call.ByCaller, Reason: call.ReasonHangup}})
		<-w.done
		if !agent.has("hangup caller/hangup") {
			t.Error("the agent's leg was not let go")
		}
		r := w.journal.record()
		if r.EndedBy != "caller" || r.Cause != "hangup" || r.Ended.IsZero() || r.Connected.IsZero() || r.Agent != "alice" {
			t.Errorf("record %+v", r)
		}
		agent.speak(1002, 5)
		if got := w.caller.heardOf(1002); got != 40 {
			t.Error("the agent is heard after the end")
		}
	})
}

func TestHoldGivesTheCallerMusicInsteadOfTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := newLeg("agent")
		var end atomic.Uint32
		w := begin(t, talkWith(agent, &end))
		w.call.Post(call.Hold{Agent: "alice", On: true})
		time.Sleep(time.Second)
		agent.speak(1002, 10)
		w.caller.speak(1001, 10)
		if got := w.caller.heardOf(1002); got != 0 {
			t.Errorf("caller on hold heard %d packets of the agent", got)
		}
		if got := agent.heardOf(1001); got != 0 {
			t.Errorf("agent who holds heard %d packets of the caller", got)
		}
		music := w.caller.heardOthers(1002)
		if music < 48 || music > 51 {
			t.Errorf("caller heard %d frames of music in 1 s", music)
		}
		w.call.Post(call.Hold{Agent: "alice"})
		time.Sleep(100 * time.Millisecond)
		before := w.caller.heardOthers(1002)
		time.Sleep(time.Second)
		if after := w.caller.heardOthers(1002); after != before {
			t.Errorf("music went on after the hold: %d frames", after-before)
		}
		agent.speak(1002, 10)
		if got := w.caller.heardOf(1002); got != 10 {
			t.Errorf("after the hold the caller heard %d packets, want 10", got)
		}
		if k := kinds(w.journal.record()); k[ccs.EventHeld] != 1 || k[ccs.EventResumed] != 1 {
			t.Errorf("timeline %v", k)
		}
	})
}

func TestMuteSilencesTheAgentOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := newLeg("agent")
		var end atomic.Uint32
		w := begin(t, talkWith(agent, &end))
		w.call.Post(call.Mute{Agent: "alice", On: true})
		w.call.Post(call.Mute{Agent: "mallory", On: false}) // not in the call: ignored
		synctest.Wait()
		agent.speak(1002, 10)
		w.caller.speak(1001, 10)
		if w.caller.heardOf(1002) != 0 || agent.heardOf(1001) != 10 {
			t.Errorf("muted: caller heard %d, agent heard %d", w.caller.heardOf(1002), agent.heardOf(1001))
		}
		w.call.Post(call.Press{Agent: "alice", Digit: '7'})
		synctest.Wait()
		if !w.caller.has("digit 7") {
			t.Error("the digit did not reach the caller")
		}
	})
}

func TestReloadedPageGoesOnWithTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent, again := newLeg("agent"), newLeg("agent again")
		var end atomic.Uint32
		w := begin(t, talkWith(agent, &end))
		w.call.Post(call.Mute{Agent: "alice", On: true})
		w.call.Post(call.AgentAway{Agent: "alice", Grace: 5 * time.Second})
		time.Sleep(2 * time.Second)
		if music := w.caller.heardOthers(1002); music < 95 {
			t.Errorf("caller heard %d frames of music while the page was away for 2 s", music)
		}
		w.call.Post(call.AgentBack{Agent: "alice", Leg: again})
		synctest.Wait()
		again.speak(1002, 5)
		if w.caller.heardOf(1002) != 0 {
			t.Error("the mute was lost by the reload")
		}
		w.call.Post(call.Mute{Agent: "alice"})
		synctest.Wait()
		again.speak(1002, 5)
		w.caller.speak(1001, 5)
		if w.caller.heardOf(1002) != 5 || again.heardOf(1001) != 5 {
			t.Error("no sound after the reload")
		}
		time.Sleep(time.Minute) // the grace of the absence is over and means nothing now
		if end.Load() != 0 || w.journal.record().Ended != (time.Time{}) {
			t.Error("the call ended although the agent came back")
		}
	})
}

func TestLostAgentLeavesTheCallerWithMusic(t *testing.T) {
	for _, test := range []struct {
		name  string
		lose  func(w *world, agent *leg)
		grace time.Duration
	}{
		{"page closed", func(w *world, _ *leg) { w.call.Post(call.AgentAway{Agent: "alice", Grace: 5 * time.Second}) }, 5 * time.Second},
		{"connection lost", func(_ *world, agent *leg) { agent.tell(call.Gone{Leg: agent}) }, 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				agent := newLeg("agent")
				var end atomic.Uint32
				w := begin(t, talkWith(agent, &end))
				synctest.Wait()
				test.lose(w, agent)
				time.Sleep(test.grace - time.Second)
				if end.Load() != 0 {
					t.Fatal("given up before the grace was over")
				}
				time.Sleep(2 * time.Second)
				if end.Load() != uint32(call.TalkAgentLost) {
					t.Fatal("not given up after the grace")
				}
				before := w.caller.heardOthers()
				time.Sleep(time.Second)
				if w.caller.heardOthers()-before < 45 {
					t.Error("the caller hears nothing while nobody is there")
				}
			})
		})
	}
}

func TestKeysTypedAheadAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prompt := media.NewPrompt(make([]byte, 160*100)) // 2 s
		var keys string
		var interrupted, whole time.Duration
		w := begin(t, func(c *call.Call) call.Cause {
			begun := time.Now()
			_ = c.Play(prompt, false)
			whole = time.Since(begun)
			begun = time.Now()
			_ = c.Play(prompt, true) // a key waits: not played
			interrupted = time.Since(begun)
			for {
				key, ok, err := c.Key(time.Second)
				if err != nil || !ok {
					return call.Cause{By: call.BySystem, Reason: call.ReasonPlanHangup}
				}
				keys += string(key)
			}
		})
		time.Sleep(500 * time.Millisecond)
		w.caller.tell(call.Digit{Leg: w.caller, Digit: '4'})
		w.caller.tell(call.Digit{Leg: w.caller, Digit: '2'})
		<-w.done
		if keys != "42" {
			t.Errorf("keys %q, want 42", keys)
		}
		if whole < 2*time.Second || interrupted != 0 {
			t.Errorf("first prompt took %v, second %v", whole, interrupted)
		}
	})
}

func TestAFaultInOneCallEndsThatCallOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, func(*call.Call) call.Cause { panic("fault of a plan") })
		<-w.done
		if !w.caller.has("refuse system/failed") {
			t.Errorf("the caller was not refused: %v", w.caller.did)
		}
		if w.manager.Count() != 0 {
			t.Error("the call is still listed")
		}
	})
}

func TestCallsEndAtTheirLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, func(c *call.Call) call.Cause {
			_ = c.Music(nil)
			_ = c.Sleep(100 * time.Hour)
			return call.Cause{}
		})
		begun := time.Now()
		<-w.done
		if got := time.Since(begun); got != maxDuration {
			t.Errorf("ended after %v, want %v", got, maxDuration)
		}
		if r := w.journal.record(); r.Cause != string(call.ReasonMaxDuration) {
			t.Errorf("cause %q", r.Cause)
		}
	})
}

// cancelled is a caller who leaves at the moment of the answer.
type cancelled struct{ *leg }

func (l cancelled) Answer() error {
	l.tell(call.Gone{Leg: l, Cause: call.Cause{By: call.ByCaller, Reason: call.ReasonCancelled}})
	return errors.New("the caller is gone")
}

func TestACallerWhoLeavesAtTheAnswerEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		m := call.NewManager(call.Options{Pacer: media.NewPacer(), Journal: j, Log: slog.New(slog.DiscardHandler)})
		m.Serve(cancelled{newLeg("caller")}, call.Info{}, func(c *call.Call) call.Cause {
			_ = c.Answer()
			return call.Cause{}
		})
		if r := j.record(); r.EndedBy != "caller" || r.Cause != "cancelled" {
			t.Errorf("ended by %q: %q", r.EndedBy, r.Cause)
		}
	})
}
