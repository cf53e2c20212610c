package web

import (
	"context"

	"github.com/carillon-cc/carillon/ui"
)

// names finds the names of objects for one request, each once.
type names struct {
	ctx    context.Context
	w      *Web
	queues map[string]string
	agents map[string]string
	trunks map[string]string
}

var _ ui.Names = (*names)(nil)

func (w *Web) names(ctx context.Context) *names {
	return &names{ctx: ctx, w: w, queues: map[string]string{}, agents: map[string]string{}, trunks: map[string]string{}}
}

// Queue is the name of a queue, "" where it is unknown or cannot be read: a
// page with a name missing is better than none.
func (n *names) Queue(id string) string {
	return lookup(n.queues, id, func() string {
		queue, err := n.w.o.Tables.Queues.Get(n.ctx, id)
		if err != nil {
			return ""
		}
		return queue.Name
	})
}

// Agent is the name of an agent, "" as with Queue.
func (n *names) Agent(id string) string {
	return lookup(n.agents, id, func() string {
		user, err := n.w.users.get(n.ctx, id)
		if err != nil {
			return ""
		}
		return user.Name
	})
}

// Trunk is the name of a trunk, "" as with Queue.
func (n *names) Trunk(id string) string {
	return lookup(n.trunks, id, func() string {
		trunk, err := n.w.o.Tables.Trunks.Get(n.ctx, id)
		if err != nil {
			return ""
		}
		return trunk.Name
	})
}

func lookup(known map[string]string, id string, read func() string) string {
	if id == "" {
		return ""
	}
	name, ok := known[id]
	if !ok {
		name = read()
		known[id] = name
	}
	return name
}
