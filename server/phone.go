package server

import (
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
)

// promptLoader resolves what a plan says is to be heard. done may be called at
// once or later, from any goroutine.
type promptLoader interface {
	Load(p ccs.Prompt, language string, done func(*media.Prompt, error))
}

// phone is a real call as the plan interpreter sees it.
type phone struct {
	*call.Call
	prompts  promptLoader
	engine   *queue.Engine
	language string
	agents   func(id string) string // an agent's name
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
	if err != nil {
		return err
	}
	return p.Call.Play(sound, untilKey)
}

// load waits for a prompt while the call goes on.
func (p *phone) load(prompt ccs.Prompt) (*media.Prompt, error) {
	sound, err := p.Do(func(report func(any, error)) {
		p.prompts.Load(prompt, p.language, func(sound *media.Prompt, err error) { report(sound, err) })
	})
	if err != nil {
		return nil, err
	}
	return sound.(*media.Prompt), nil
}
