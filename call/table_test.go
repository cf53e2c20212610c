package call

import "testing"

func TestWhoHearsWhom(t *testing.T) {
	talk := func(r Role) Seat { return Seat{Role: r} }
	tests := []struct {
		name              string
		listener, speaker Seat
		want              bool
	}{
		{"caller hears the agent", talk(Customer), talk(Agent), true},
		{"agent hears the caller", talk(Agent), talk(Customer), true},
		{"caller does not hear a muted agent", talk(Customer), Seat{Role: Agent, Muted: true}, false},
		{"muted agent hears the caller", Seat{Role: Agent, Muted: true}, talk(Customer), true},
		{"caller does not hear an agent who holds", talk(Customer), talk(OnHold), false},
		{"agent who holds does not hear the caller", talk(OnHold), talk(Customer), false},
		{"nobody hears an absent leg", talk(Agent), talk(Absent), false},
		{"an absent leg hears nobody", talk(Absent), talk(Customer), false},
		{"listening supervisor hears the caller", talk(Listen), talk(Customer), true},
		{"listening supervisor hears the agent", talk(Listen), talk(Agent), true},
		{"caller does not hear who listens", talk(Customer), talk(Listen), false},
		{"agent does not hear who listens", talk(Agent), talk(Listen), false},
		{"agent hears the whisper", talk(Agent), talk(Whisper), true},
		{"caller never hears the whisper", talk(Customer), talk(Whisper), false},
		{"agent who holds hears the whisper", talk(OnHold), talk(Whisper), true},
		{"caller hears who barges", talk(Customer), talk(Barge), true},
		{"agent hears who barges", talk(Agent), talk(Barge), true},
		{"agents in conference hear each other", talk(Agent), talk(Agent), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Hears(test.listener, test.speaker); got != test.want {
				t.Errorf("Hears = %v, want %v", got, test.want)
			}
		})
	}
}

// Whatever the listener, a seat that is muted, absent, on hold or listening is
// silent, and a whisper never reaches a customer.
func TestSilentSeatsAreHeardByNobody(t *testing.T) {
	for listener := Absent; listener <= Barge; listener++ {
		for speaker := Absent; speaker <= Barge; speaker++ {
			if Hears(Seat{Role: listener}, Seat{Role: speaker, Muted: true}) {
				t.Errorf("%d hears muted %d", listener, speaker)
			}
			silent := speaker == Absent || speaker == OnHold || speaker == Listen
			if silent && Hears(Seat{Role: listener}, Seat{Role: speaker}) {
				t.Errorf("%d hears silent %d", listener, speaker)
			}
		}
	}
}
