package server

import (
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/media"
)

// phone is a real call as the plan interpreter sees it.
type phone struct {
	*call.Call
	*exchange
	snapshot *flow.Snapshot
	language string
	// presentation is which number a telephone shows that rings for a queue.
	presentation ccs.Presentation
	// hops counts the plans, forwards and transfers that led here.
	hops  int
	spent *int // actions that the call's plans have executed
}

// shown is what a telephone that rings for the call shows of who calls. hidden is
// that they do not want to be known.
func (p *phone) shown(mode ccs.Presentation) (from, name string, hidden bool) {
	info := p.Info()
	from, name = flow.Present(mode, info.From, p.CallerName(), info.To, labelOf(p.snapshot, info.To))
	return from, name, info.Anonymous && from == info.From
}

// Caller is who calls what.
func (p *phone) Caller() flow.Caller {
	info := p.Info()
	return flow.Caller{From: info.From, FromName: info.FromName, To: info.To, Anonymous: info.Anonymous}
}

// Now is the wall clock.
func (p *phone) Now() time.Time { return time.Now() }

// Play plays a prompt of the configuration.
func (p *phone) Play(prompt ccs.Prompt, untilKey bool) error {
	sound, err := p.load(prompt)
	if sound == nil {
		return err
	}
	if playErr := p.Call.Play(sound, untilKey); playErr != nil {
		return playErr
	}
	return err
}

// load waits for a prompt while the call goes on. It is nil where there is
// nothing to be heard; with an error it may be one that stands in.
func (p *phone) load(prompt ccs.Prompt) (*media.Prompt, error) {
	loaded, err := p.Do(func(report func(any, error)) {
		p.prompts.Load(p.snapshot, prompt, p.language, func(sound *media.Prompt, err error) { report(sound, err) })
	})
	sound, _ := loaded.(*media.Prompt)
	return sound, err
}
