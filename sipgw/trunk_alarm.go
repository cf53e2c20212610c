package sipgw

import (
	"sync"
	"time"

	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// Alarm says that a trunk's guard stopped an outgoing call. Detail holds no
// telephone number; Number does, and is for no log.
type Alarm struct {
	Trunk   string // id
	Kind    trunk.Guard
	Detail  string
	By      string // id of the agent or line; "" for a plan
	Number  string // that was to be called, as it was dialled
	Forward bool   // by a forward of whom was called, not by who called
}

// alarmEvery is how often the same alarm is raised at most.
const alarmEvery = time.Minute

// alarms keeps a flood of refused calls from becoming a flood of alarms.
type alarms struct {
	mu   sync.Mutex
	last map[alarmKey]time.Time
}

type alarmKey struct {
	trunk string
	kind  trunk.Guard
}

func (t *trunks) alarm(a Alarm) {
	if t.gateway.cfg.OnAlarm == nil {
		return
	}
	key, now := alarmKey{a.Trunk, a.Kind}, time.Now()
	t.alarms.mu.Lock()
	if t.alarms.last == nil {
		t.alarms.last = make(map[alarmKey]time.Time)
	}
	last, raised := t.alarms.last[key]
	again := !raised || now.Sub(last) >= alarmEvery
	if again {
		t.alarms.last[key] = now
	}
	t.alarms.mu.Unlock()
	if again {
		t.gateway.cfg.OnAlarm(a)
	}
}

// loadCounts takes the day's calls of before the start from the server, until
// it has done so once.
func (t *trunks) loadCounts() {
	t.mu.Lock()
	loaded := t.loaded
	t.mu.Unlock()
	if loaded || t.gateway.cfg.DailyCounts == nil {
		return
	}
	day := trunk.Day(time.Now())
	counts, err := t.gateway.cfg.DailyCounts(day)
	if err != nil {
		t.gateway.log.Warn("the calls of today cannot be counted yet", "err", err)
		return
	}
	t.mu.Lock()
	loaded, t.loaded = t.loaded, true
	t.mu.Unlock()
	if !loaded {
		t.counts.Load(day, counts)
	}
}
