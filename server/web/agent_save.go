package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// agentCreate adds an agent: a user who signs in, and what their calls need.
func (w *Web) agentCreate(rw http.ResponseWriter, r *http.Request) {
	w.storeAgent(rw, r, nil)
}

// agentSave changes an agent.
func (w *Web) agentSave(rw http.ResponseWriter, r *http.Request) {
	p, err := w.person(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read an agent", err)
		return
	}
	w.storeAgent(rw, r, p)
}

func (w *Web) storeAgent(rw http.ResponseWriter, r *http.Request, stored *person) {
	e, ok := w.readEntry(rw, r, w.texts(r), "agent")
	if !ok {
		return
	}
	user, agent := ccs.User{Role: ccs.RoleAgent}, ccs.Agent{}
	if stored != nil {
		user, agent = *stored.user, *stored.agent
		e.sameRevisions(stored)
	} else {
		user.ID = ulid.Make().String()
		agent.ID = user.ID
	}
	e.agent(&user, &agent)
	if err := w.deviceExists(r.Context(), e, &agent); err != nil {
		w.failed(rw, r, "read the line of an agent", err)
		return
	}
	if e.good() {
		done, err := w.putPerson(r.Context(), e, stored, &user, &agent)
		if err != nil {
			w.failed(rw, r, "store an agent", err)
			return
		}
		if done {
			w.done(rw, r, "/agents", "agent.saved", user.Name)
			return
		}
	}
	e.Arrange(e.texts, "agent", "name", "login", "password", "description", "device")
	w.agentForm(rw, r, e.status(), stored, e.Form)
}

// sameRevisions looks whether somebody else has changed the user or the agent
// since the form was shown.
func (e *entry) sameRevisions(stored *person) {
	revision := strconv.FormatInt(stored.user.Revision, 10)
	if e.Value("userRevision") != revision || e.Revision != stored.agent.Revision {
		e.Conflict, e.Revision = true, stored.agent.Revision
		e.Values.Set("userRevision", revision)
	}
}

// agent reads all fields.
func (e *entry) agent(u *ccs.User, a *ccs.Agent) {
	u.Name, u.Login = e.Value("name"), strings.ToLower(e.Value("login"))
	a.Description, a.Outside, a.CallerID = e.Value("description"), e.On("outside"), e.telephone("callerId")
	a.RingTimeout, a.WrapUp, a.SimultaneousCalls = e.seconds("ringTimeout"), e.seconds("wrapUp"), e.number("simultaneousCalls")
	a.Device = ccs.Device{
		Kind: ccs.DeviceKind(e.Value("device.kind")), Line: e.Value("device.line"), Number: e.telephone("device.number"),
	}
	if u.Name == "" {
		e.fault("name", ccs.CodeRequired)
	}
	e.check(u.Check())
	e.check(a.Check())
	password := e.Value("password")
	if password == "" && u.PasswordHash != "" {
		return
	}
	if password == "" {
		e.fault("password", ccs.CodeRequired)
		return
	}
	hash, err := HashPassword(password)
	if err != nil {
		e.fault("password", "length", "min", MinPassword, "max", MaxPassword)
	}
	u.PasswordHash = hash
}

// deviceExists looks for the line on which the agent's calls are to ring.
func (w *Web) deviceExists(ctx context.Context, e *entry, a *ccs.Agent) error {
	if a.Device.Line == "" {
		return nil
	}
	_, err := w.o.Tables.Lines.Get(ctx, a.Device.Line)
	if errors.Is(err, store.ErrNotFound) {
		e.fault("device.line", "gone")
		return nil
	}
	return err
}

// putPerson stores the user first: an agent without one would be nobody. before
// is nil for a new agent.
func (w *Web) putPerson(ctx context.Context, e *entry, before *person, u *ccs.User, a *ccs.Agent) (bool, error) {
	done, err := e.stored(w.o.Tables.Users.Put(ctx, u), "login", func() int64 { return e.Revision })
	if !done || err != nil {
		return false, err
	}
	if before != nil {
		w.userChanged(before.user, u)
	}
	return e.stored(w.o.Tables.Agents.Put(ctx, a), "", func() int64 { return e.Revision })
}
