package server

import "github.com/carillon-cc/carillon/server/web"

// refresh has the pages that are open show what has changed. Any goroutine may
// call it: it only wakes.
func (s *server) refresh() {
	if pages := s.pages.Load(); pages != nil {
		pages.Refresh()
	}
}

// agentStates tells the pages what every agent does.
func (s *server) agentStates() []web.AgentState {
	all := s.engine.Agents()
	states := make([]web.AgentState, len(all))
	for i, a := range all {
		states[i] = web.AgentState{
			Agent: a.Agent, State: string(a.State), Reason: a.Reason, Since: a.Since, Reachable: a.Reachable, Why: a.Why,
		}
	}
	return states
}
