package desk

import (
	"time"

	"github.com/carillon-cc/carillon/webrtc"
)

// proofLasts is how long a page's sign of life counts: two probes may be lost.
const proofLasts = 5 * time.Second

// proof is what the leading page last proved of itself.
type proof struct {
	last       time.Time
	audio      bool
	microphone bool
}

// probe asks the leading page for a sign of life.
func (d *Desk) probe() {
	if d.leader != nil {
		d.probes++
		d.leader.send(probeMessage{Type: "probe", N: d.probes})
	}
	if !d.device.telephone() {
		d.reach()
	}
}

// proved takes a page's answer to a probe, or its word that something changed.
func (d *Desk) proved(page *conn, r request) {
	if page != d.leader {
		return
	}
	before := d.proof
	d.proof = proof{last: time.Now(), audio: r.Audio, microphone: r.Microphone}
	d.reach()
	if before.audio != r.Audio || before.microphone != r.Microphone {
		d.push()
	}
}

// problems is what keeps the agent from being offered calls (spec 6.2), in the
// words of the protocol.
func (d *Desk) problems() []string {
	problems := []string{}
	if d.device.telephone() {
		if d.trouble != "" {
			problems = append(problems, d.trouble)
		}
		return problems
	}
	if d.leader == nil || time.Since(d.proof.last) > proofLasts {
		problems = append(problems, "signalling")
	}
	if d.peer == nil || d.peerState != webrtc.StateConnected {
		problems = append(problems, "media")
	}
	if !d.proof.audio {
		problems = append(problems, "audio")
	}
	if !d.proof.microphone {
		problems = append(problems, "microphone")
	}
	return problems
}

// reach tells the engine whether an offer would reach the agent. The engine
// takes no notice of what it already knows.
func (d *Desk) reach() {
	if !d.present {
		return
	}
	problems := d.problems()
	if len(problems) == 0 {
		d.options.Engine.SetReachable(d.agent, true, "")
		return
	}
	d.options.Engine.SetReachable(d.agent, false, problems[0])
}
