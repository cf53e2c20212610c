package server

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/server/desk"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// What keeps an agent's telephone from being called, in the words of
// docs/protocol.md.
const (
	problemNoTelephone  = "noTelephone"      // none is set up, or the line is gone or disabled
	problemUnregistered = "lineUnregistered" // no telephone of the line is signed on
	problemNotAllowed   = "phoneNotAllowed"  // no trunk may call the number
	problemTrunkDown    = "trunkDown"        // those that may do not work
)

// defaultAcceptKey is what an outside phone must press where a queue does not say.
const defaultAcceptKey = '1'

// questionGap is the silence between two askings of a question.
const questionGap = 1500 * time.Millisecond

// devices calls the agents whose calls ring on a line or an outside phone, for
// the desks. Any goroutine may call its methods.
type devices struct{ *server }

// Device is what an agent's calls ring on.
func (s devices) Device(agent string) desk.Device {
	snapshot := s.config.snapshot()
	a := snapshot.Agents[agent]
	if a == nil || a.Device.Kind == "" || a.Device.Kind == ccs.DeviceBrowser {
		return desk.Device{Kind: ccs.DeviceBrowser}
	}
	d := desk.Device{Kind: a.Device.Kind, Number: a.Device.Number}
	if a.Device.Kind == ccs.DeviceLine {
		d.Line, d.Number = a.Device.Line, ""
		if l := snapshot.Lines[a.Device.Line]; l != nil {
			d.Number, d.Name = l.Number, l.Name
		}
	}
	return d
}

// Problem is what keeps a telephone from being called.
func (s devices) Problem(_ string, d desk.Device) string {
	snapshot := s.config.snapshot()
	if d.Kind == ccs.DeviceLine {
		l := snapshot.Lines[d.Line]
		switch {
		case l == nil || l.Disabled:
			return problemNoTelephone
		case l.Forward == "" && !s.registered(l.ID):
			return problemUnregistered
		}
		return ""
	}
	target := resolve(snapshot, d.Number, "")
	switch {
	case target.line != nil:
		if !s.registered(target.line.ID) {
			return problemUnregistered
		}
		return ""
	case target.outside == "":
		return problemNoTelephone
	}
	return s.trunkProblem(snapshot, target.outside)
}

func (s devices) registered(line string) bool {
	return slices.ContainsFunc(s.sip.LineStates(), func(l sipgw.LineState) bool { return l.Line == line && len(l.Contacts) > 0 })
}

// trunkProblem is what keeps a number beyond from being called.
func (s devices) trunkProblem(snapshot *flow.Snapshot, number string) string {
	problem := problemNotAllowed
	for _, state := range s.sip.TrunkStates() {
		t := snapshot.Trunks[state.Trunk]
		if t == nil || state.Status == sipgw.TrunkDisabled {
			continue
		}
		if _, guard := trunk.Allow(number, t.Outgoing); guard != "" {
			continue
		}
		switch {
		case state.Reason == sipgw.ReasonStarting, state.Status == sipgw.TrunkUp, state.Status == sipgw.TrunkDegraded:
			return ""
		}
		problem = problemTrunkDown
	}
	return problem
}

// Call rings an agent's telephone, or where its line forwards its calls.
func (s devices) Call(r desk.Ringing) (call.CalledLeg, bool, error) {
	snapshot := s.config.snapshot()
	follow := true
	if q := snapshot.Queues[r.Queue]; q != nil {
		follow = q.FollowForwards
	}
	o := sipgw.Outgoing{
		From: r.From, FromName: r.FromName, Anonymous: r.Anonymous, Codec: media.CodecNamed(r.Codec), FollowForwards: follow, By: r.Agent,
	}
	own := destination{line: snapshot.Lines[r.Device.Line]}
	if r.Device.Kind == ccs.DevicePhone {
		own = resolve(snapshot, r.Device.Number, "")
	}
	d, by := forwarded(snapshot, own, func(*ccs.Line) {})
	if by != nil {
		o.By = by.ID
	}
	switch {
	case by != nil && !follow:
		return nil, false, &desk.NotPlacedError{Reason: call.ReasonForwarded}
	case d.line != nil:
		o.Line = d.line.ID
	case d.outside != "":
		o.Number = d.outside
	case by != nil || own.number != nil: // a plan of ours would lead the call round
		return nil, false, &desk.NotPlacedError{Reason: call.ReasonForwarded}
	default:
		return nil, false, &desk.NotPlacedError{Reason: call.ReasonInvalid}
	}
	leg, err := s.sip.Call(o)
	if err != nil {
		return nil, false, &desk.NotPlacedError{Reason: s.exchange.refusal(err).Reason}
	}
	s.exchange.dialled()
	if via, ok := leg.(call.Trunked); ok && via.Trunk() != "" {
		if c := s.calls.Get(r.Call); c != nil {
			c.Post(call.Dialled{Name: s.config.userName(r.Agent), Trunk: via.Trunk(), By: o.By})
		}
	}
	return leg, by != nil || r.Device.Kind == ccs.DevicePhone, nil
}

// AcceptKey is what must be pressed to take a queue's call.
func (s devices) AcceptKey(queueID string) byte {
	if q := s.config.snapshot().Queues[queueID]; q != nil && q.AcceptKey != "" {
		return q.AcceptKey[0]
	}
	return defaultAcceptKey
}

// Question speaks a question in the agent's language. Where it cannot be spoken a
// tone asks.
func (s devices) Question(q desk.Question, done func(*media.Prompt)) {
	language := ""
	if u := s.config.snapshot().Users[q.Agent]; u != nil {
		language = u.Language
	}
	s.prompts.Ask(language, q.Queue, q.Own, q.Key, func(p *media.Prompt, _ error) {
		if p == nil {
			p = media.Beep()
		}
		done(withGap(p))
	})
}

// withGap ends a prompt that is played over and over with silence.
func withGap(p *media.Prompt) *media.Prompt {
	gap := make([]byte, int(questionGap/media.FrameTime)*media.FrameSamples)
	for i := range gap {
		gap[i] = media.Silence(media.PCMA)
	}
	return media.NewPrompt(slices.Concat(p.ALaw(), gap))
}

// mayDial tells whether an agent may call beyond Carillon.
func (s *server) mayDial(agent string) bool {
	a := s.config.snapshot().Agents[agent]
	return a != nil && a.Outside
}

// maxFound is how many are found at a time.
const maxFound = 8

// find looks for colleagues, lines and numbers of ours, in this order.
func (s *server) find(agent, query string) []desk.Found {
	snapshot := s.config.snapshot()
	query = strings.ToLower(query)
	fits := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), query) })
	}
	byName := func(a, b desk.Found) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Number, b.Number))
	}
	var people, lines, numbers []desk.Found
	for id, u := range snapshot.Users {
		if id != agent && snapshot.Agents[id] != nil && fits(u.Name, u.Login) {
			people = append(people, desk.Found{Agent: id, Name: u.Name})
		}
	}
	for _, l := range snapshot.Lines {
		if own := snapshot.Agents[agent]; !l.Disabled && fits(l.Name, l.Number) && (own == nil || own.Device.Line != l.ID) {
			lines = append(lines, desk.Found{Number: l.Number, Name: l.Name})
		}
	}
	for _, n := range snapshot.Numbers {
		if fits(n.Label, n.Number) {
			numbers = append(numbers, desk.Found{Number: n.Number, Name: n.Label})
		}
	}
	for _, list := range [][]desk.Found{people, lines, numbers} {
		slices.SortFunc(list, byName)
	}
	found := slices.Concat(people, lines, numbers)
	found = found[:min(len(found), maxFound)]
	for i := range found {
		if found[i].Agent != "" {
			found[i].State = string(s.engine.Agent(found[i].Agent).State)
		}
	}
	return found
}

var (
	_ desk.Telephones = devices{}
	_ queue.Patient   = (*desk.Desk)(nil)
	_ queue.Single    = (*desk.Desk)(nil)
)
