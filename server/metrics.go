package server

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/sipgw"
)

// metrics are named by the question that they answer. Gauges are read when
// somebody asks: nothing is counted twice.
type metrics struct {
	registry *prometheus.Registry
	started  prometheus.Counter
	dialled  prometheus.Counter
	ended    *prometheus.CounterVec
	alarms   *prometheus.CounterVec
}

func (s *server) newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		started: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "carillon_calls_started_total", Help: "Calls that arrived.",
		}),
		dialled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "carillon_calls_dialled_total", Help: "Attempts to reach a line or a number, of plans, agents, lines and transfers.",
		}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carillon_calls_ended_total", Help: "Calls that ended, by who ended them and why.",
		}, []string{"by", "reason"}),
		alarms: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carillon_alarms_total", Help: "Outgoing calls that a trunk's guard stopped, at most one a minute and guard, by guard.",
		}, []string{"kind"}),
	}
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.started, m.dialled, m.ended, m.alarms,
		gauge("carillon_calls_active", "Calls that run now.", func() float64 { return float64(s.calls.Count()) }),
		gauge("carillon_store_pending_writes", "Call records that wait for the store.", func() float64 { return float64(s.outbox.Pending()) }),
		gauge("carillon_pacer_late_worst_seconds", "How late the pacer ran at worst: much of it means too little CPU.", func() float64 {
			worst, _ := s.pacer.Lateness()
			return worst.Seconds()
		}),
		gauge("carillon_trunks_up", "Trunks that work.", s.trunksUp),
		gauge("carillon_lines_registered", "Lines of which a telephone is registered.", s.linesRegistered),
		&agentStates{s.engine},
	)
	s.countStrangers(m.registry)
	return m
}

// countStrangers shows what the SIP gateway's guard does: a scan or an attack on
// lines' passwords is seen here, since the log has little of it.
func (s *server) countStrangers(registry *prometheus.Registry) {
	counter := func(name, help string, read func(sipgw.Stats) uint64) {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 {
			return float64(read(s.sip.Stats()))
		}))
	}
	counter("carillon_sip_dropped_total", "SIP messages and connections of strangers that got no answer.", func(st sipgw.Stats) uint64 { return st.Dropped })
	counter("carillon_sip_challenges_total", "SIP requests that were asked for a line's password.", func(st sipgw.Stats) uint64 { return st.Challenges })
	counter("carillon_sip_wrong_passwords_total", "Wrong passwords that were given for lines.", func(st sipgw.Stats) uint64 { return st.Failures })
	counter("carillon_sip_throttled_total", "SIP messages that were not looked at because their source sent too many.", func(st sipgw.Stats) uint64 { return st.Throttled })
}

// callChanged counts the ends of calls.
func (m *metrics) callChanged(v call.View) {
	if v.Over && !v.Again {
		m.ended.WithLabelValues(string(v.Cause.By), string(v.Cause.Reason)).Inc()
	}
}

// agentStates counts the agents by state when asked.
type agentStates struct{ engine *queue.Engine }

var agentsDesc = prometheus.NewDesc("carillon_agents", "Agents by state.", []string{"state"}, nil)

// Describe is for the registry.
func (*agentStates) Describe(out chan<- *prometheus.Desc) { out <- agentsDesc }

// Collect is for the registry.
func (a *agentStates) Collect(out chan<- prometheus.Metric) {
	counts := make(map[queue.State]int)
	for _, agent := range a.engine.Agents() {
		counts[agent.State]++
	}
	for state, n := range counts {
		out <- prometheus.MustNewConstMetric(agentsDesc, prometheus.GaugeValue, float64(n), string(state))
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// healthy answers as long as the process serves at all.
func healthy(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("ok\n"))
}

// ready answers whether new calls are welcome: not while stopping, nor while
// the store is away.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if s.stopping() {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	if err := s.db.Ping(ctx); err != nil {
		s.log.Warn("store does not answer", "err", err)
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}
