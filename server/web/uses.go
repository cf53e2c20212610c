package web

import (
	"context"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
)

// uses finds where an object is used: it must not be deleted there.
func (w *Web) uses(ctx context.Context, texts *ui.Texts, id string) ([]ui.Use, error) {
	var found []ui.Use
	for _, look := range []func(context.Context, *ui.Texts, string) ([]ui.Use, error){
		w.usesInQueues, w.usesInMenus, w.usesInPlans, w.usesAsDevice,
	} {
		some, err := look(ctx, texts, id)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

func (w *Web) usesInQueues(ctx context.Context, texts *ui.Texts, id string) ([]ui.Use, error) {
	queues, _, err := w.o.Tables.Queues.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	var found []ui.Use
	for _, q := range queues {
		for _, m := range q.Members {
			if m.Agent == id {
				found = append(found, ui.Use{Text: texts.T("use.queue", "Name", q.Name)})
			}
		}
	}
	return found, nil
}

func (w *Web) usesInMenus(ctx context.Context, texts *ui.Texts, id string) ([]ui.Use, error) {
	menus, _, err := w.o.Tables.Menus.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	var found []ui.Use
	for _, m := range menus {
		for _, key := range m.Keys {
			if refers(key.Actions, id) {
				found = append(found, ui.Use{Text: texts.T("use.menu", "Name", m.Name, "Keys", key.Keys)})
			}
		}
	}
	return found, nil
}

// usesInPlans looks at what calls run and at what is being edited.
func (w *Web) usesInPlans(ctx context.Context, texts *ui.Texts, id string) ([]ui.Use, error) {
	plans, _, err := w.o.Tables.Plans.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	var found []ui.Use
	for _, p := range plans {
		used := inFlow(&p.Draft, id)
		if !used && p.Published != "" {
			version, err := w.o.Tables.Versions.Get(ctx, p.Published)
			if err != nil {
				return nil, err
			}
			used = inFlow(&version.Flow, id)
		}
		if used {
			found = append(found, ui.Use{Text: texts.T("use.plan", "Name", p.Name)})
		}
	}
	return found, nil
}

func (w *Web) usesAsDevice(ctx context.Context, texts *ui.Texts, id string) ([]ui.Use, error) {
	agents, _, err := w.o.Tables.Agents.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	known := w.names(ctx)
	var found []ui.Use
	for _, a := range agents {
		if a.Device.Line == id {
			found = append(found, ui.Use{Text: texts.T("use.agent", "Name", known.Agent(a.ID)), Href: "/agents/" + a.ID})
		}
	}
	return found, nil
}

func inFlow(f *ccs.Flow, id string) bool {
	for i := range f.Steps {
		if refers(f.Steps[i].Actions, id) || refers(f.Steps[i].Otherwise, id) {
			return true
		}
	}
	return false
}

func refers(actions []ccs.Action, id string) bool {
	for i := range actions {
		if actions[i].Object() == id {
			return true
		}
	}
	return false
}
