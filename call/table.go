package call

import (
	"sync/atomic"

	"github.com/carillon-cc/carillon/media"
)

// Role is the part that a leg plays in a call.
type Role uint8

// The roles. Customers are the outside parties: the caller, and who is called
// for an agent.
const (
	// Absent hears nobody and is heard by nobody: not there yet, or away.
	Absent Role = iota
	// Customer talks with agents, conference partners and who barges in.
	Customer
	// Agent talks with the customers and with everybody who may be heard.
	Agent
	// OnHold is an agent who has put the customers on hold.
	OnHold
	// Early is who is called and has not answered: the network may be heard, and
	// hears nobody.
	Early
	// Listen is a supervisor who hears all and is heard by nobody.
	Listen
	// Whisper is a supervisor whom only agents hear.
	Whisper
	// Barge is a supervisor who talks with all.
	Barge
)

// Seat is what the table needs to know of a leg.
type Seat struct {
	Role  Role
	Muted bool
}

// Hears is the whole rule of who hears whom.
func Hears(listener, speaker Seat) bool {
	if speaker.Muted {
		return false
	}
	switch speaker.Role {
	case Early:
		return listener.Role == Customer || listener.Role == Agent
	case Customer:
		return listener.Role == Customer || listener.Role == Agent || supervises(listener.Role)
	case Agent, Barge:
		return listener.Role == Customer || listener.Role == Agent || supervises(listener.Role)
	case Whisper:
		return listener.Role == Agent || listener.Role == OnHold || supervises(listener.Role)
	default: // Absent, OnHold and Listen are heard by nobody
		return false
	}
}

func supervises(r Role) bool { return r == Listen || r == Whisper || r == Barge }

// table says where the packets of each seat go. It is never changed, only
// replaced, so that the packet path reads it without a lock.
type table struct {
	sinks [][]media.Sink // by seat
}

// newTable lays out who hears whom. extra are sinks that hear a seat whatever
// its listeners are, such as the recorder's channels.
func newTable(seats []Seat, legs []Leg, extra [][]media.Sink) *table {
	t := &table{sinks: make([][]media.Sink, len(seats))}
	for speaker := range seats {
		if legs[speaker] == nil {
			continue
		}
		var sinks []media.Sink
		for listener := range seats {
			if listener != speaker && legs[listener] != nil && Hears(seats[listener], seats[speaker]) {
				sinks = append(sinks, legs[listener])
			}
		}
		t.sinks[speaker] = append(sinks, extra[speaker]...)
	}
	return t
}

// inlet is where a leg's packets enter the call.
type inlet struct {
	table *atomic.Pointer[table]
	seat  int
}

// WritePacket passes p on to all who hear the seat.
func (i *inlet) WritePacket(p *media.Packet) {
	t := i.table.Load()
	if t == nil || i.seat >= len(t.sinks) {
		return
	}
	for _, sink := range t.sinks[i.seat] {
		sink.WritePacket(p)
	}
}
