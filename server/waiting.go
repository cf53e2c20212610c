package server

import (
	"errors"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/queue"
)

// Admits says what the queue would do with the caller now.
func (p *phone) Admits(q *ccs.Queue) flow.QueueExit { return exitOf(p.engine.Admits(q.ID)) }

// Queue has the caller wait and talk. A caller whose agent is lost goes back to
// the head of the queue (spec 5.2).
func (p *phone) Queue(q *ccs.Queue) (flow.QueueExit, error) {
	if err := p.Answer(); err != nil {
		return "", err
	}
	// Whatever relation the engine has to the call ends with it.
	defer p.engine.Leave(p.ID(), queue.LeaveOver)
	p.SetQueue(q.ID)
	w := &waiting{phone: p, queue: q, since: time.Now()}
	for front := false; ; front = true {
		exit, err := w.wait(front)
		if err != nil || exit != "" {
			return exit, err
		}
		if q.Record {
			p.Record(q.ID) // from the agent's answer: waiting is nobody's business
		}
		if err := p.talk(p.Call, p.snapshot, p.talker(w.connected, q.Name)); err != nil {
			return "", err
		}
		p.engine.Leave(p.ID(), queue.LeaveAgentLost)
	}
}

// waiting is a call's stay in one queue.
type waiting struct {
	*phone
	queue     *ccs.Queue
	since     time.Time // kept when the caller comes back after a lost agent
	connected queue.Connected
}

// wait joins the queue and returns when an agent has taken the call (no exit)
// or the queue gives the caller back.
func (w *waiting) wait(front bool) (flow.QueueExit, error) {
	info := w.Info()
	if err := w.startMusic(); err != nil {
		return "", err
	}
	shownFrom, shownName, hidden := w.shown(w.presentation)
	joined := w.engine.Join(queue.Caller{
		ID: w.ID(), Queue: w.queue.ID, Since: w.since, Front: front,
		Details: queue.OfferDetails{
			From: info.From, FromName: w.CallerName(), To: info.To, QueueName: w.queue.Name,
			Keys: w.Pressed(), Codec: w.Codec().String(),
			ShownFrom: shownFrom, ShownName: shownName, ShownNone: hidden,
		},
		Notify: func(n queue.Notice) { w.Post(n) },
	})
	if joined != queue.Accepted {
		w.StopMusic()
		return exitOf(joined), nil
	}
	if front {
		// Of the first time the interpreter takes note.
		w.Note(ccs.CallEvent{Kind: ccs.EventQueued, Object: w.queue.ID, Name: w.queue.Name})
	}
	var exit flow.QueueExit
	_, err := w.Await(-1, func(e call.Event) bool {
		switch e := e.(type) {
		case queue.Connected:
			w.connected = e
			exit = ""
			w.Note(ccs.CallEvent{Kind: ccs.EventLeftQueue, Object: w.queue.ID, Name: w.queue.Name, Reason: "connected"})
			return true
		case queue.Expired:
			exit = flow.QueueMaxWait
		case queue.Closed:
			exit = exitOf(e.Why)
		case queue.Offered:
			w.Note(ccs.CallEvent{Kind: ccs.EventOffered, Object: w.queue.ID, Agent: e.Agent, Name: w.config.userName(e.Agent)})
		case queue.OfferEnded:
			w.Note(ccs.CallEvent{Kind: ccs.EventOfferEnded, Agent: e.Agent, Name: w.config.userName(e.Agent), Reason: string(e.Reason)})
		}
		return exit != ""
	})
	if err != nil {
		return "", err
	}
	if exit != "" {
		w.StopMusic()
		w.DropKeys()
	}
	return exit, nil
}

// startMusic plays the queue's music. Until that is at hand, and where it cannot
// be had, the built-in music is heard.
func (w *waiting) startMusic() error {
	if err := w.Music(nil); err != nil || w.queue.Music.IsZero() {
		return err
	}
	sound, err := w.load(w.queue.Music)
	if errors.Is(err, call.ErrOver) {
		return err
	}
	if err != nil {
		w.Note(ccs.CallEvent{Kind: ccs.EventPromptFailed, Object: w.queue.ID, Name: w.queue.Name, Reason: "music"})
	}
	if sound == nil {
		return nil
	}
	return w.Music(sound)
}

// exitOf is the plan's word for a queue's answer.
func exitOf(r queue.JoinResult) flow.QueueExit {
	switch r {
	case queue.Full:
		return flow.QueueFull
	case queue.NoMembers:
		return flow.QueueClosed
	case queue.Unknown:
		return flow.QueueGone
	}
	return ""
}
