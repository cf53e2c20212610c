package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/server/web"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
)

// dialled is the number that all callers dial, and callerPrefix what their own
// numbers begin with; the call's index follows.
const (
	dialled      = "1000"
	callerPrefix = "+4420"
)

// numberOf is the number of the caller of a call.
func numberOf(index int) string { return callerPrefix + strconv.Itoa(100000+index) }

// indexOf is the call of a caller's number.
func indexOf(number string) (int, bool) {
	digits, ok := strings.CutPrefix(number, callerPrefix)
	n, err := strconv.Atoi(digits)
	return n - 100000, ok && err == nil && n >= 100000
}

// noticeFrames is how long the notice of recording is that the callers of a
// measurement hear: one frame, because a call is not offered before its end.
const noticeFrames = 1

// content is what a server's store holds for a measurement.
type content struct {
	cookies []*http.Cookie // by agent
}

// fill makes a store in folder: agents who are signed in, and a number that
// leads to a queue of them all.
func fill(ctx context.Context, folder string, agents int, record bool) (*content, error) {
	db, err := sqlite.Open(ctx, filepath.Join(folder, "carillon.db"))
	if err != nil {
		return nil, err
	}
	c, err := fillStore(ctx, db, agents, record)
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	return c, err
}

func fillStore(ctx context.Context, db store.Store, agents int, record bool) (*content, error) {
	tables := store.NewTables(db)
	if err := tables.Ensure(ctx); err != nil {
		return nil, err
	}
	c := &content{}
	queue := ccs.Queue{Meta: ccs.Meta{ID: "bench"}, Name: "Bench", Strategy: ccs.Sequential, Record: record}
	if record {
		notice, err := putNotice(ctx, db, tables)
		if err != nil {
			return nil, err
		}
		queue.Notice = notice
	}
	for i := range agents {
		id := fmt.Sprintf("agent-%d", i)
		queue.Members = append(queue.Members, ccs.QueueMember{Agent: id})
		if err := tables.Users.Put(ctx, &ccs.User{Meta: ccs.Meta{ID: id}, Login: id, Name: id, Role: ccs.RoleAgent}); err != nil {
			return nil, err
		}
		if err := tables.Agents.Put(ctx, &ccs.Agent{Meta: ccs.Meta{ID: id}, SimultaneousCalls: 1}); err != nil {
			return nil, err
		}
		cookie, err := web.NewSession(ctx, tables, id)
		if err != nil {
			return nil, err
		}
		c.cookies = append(c.cookies, cookie)
	}
	if err := tables.Queues.Put(ctx, &queue); err != nil {
		return nil, err
	}
	return c, putPlan(ctx, tables, queue.ID)
}

// putPlan has the dialled number lead to the queue. An administrator keeps the
// server from filling in anything of its own.
func putPlan(ctx context.Context, tables *store.Tables, queue string) error {
	flow := ccs.Flow{TimeZone: "UTC", Language: "en", Steps: []ccs.Step{{
		ID: "step", Name: "Bench", Actions: []ccs.Action{{ID: "enter", Queue: &ccs.EnterQueue{Queue: queue}}},
	}}}
	version := ccs.PlanVersion{Meta: ccs.Meta{ID: "plan-1"}, PlanID: "plan", Version: 1, PublishedAt: time.Now().UTC(), Flow: flow}
	if err := tables.Versions.Put(ctx, &version); err != nil {
		return err
	}
	plan := ccs.Plan{Meta: ccs.Meta{ID: version.PlanID}, Name: "Bench", Draft: flow, Published: version.ID}
	if err := tables.Plans.Put(ctx, &plan); err != nil {
		return err
	}
	if err := tables.Numbers.Put(ctx, &ccs.Number{Number: dialled, Label: "Bench", PlanID: plan.ID}); err != nil {
		return err
	}
	if err := tables.Lines.Put(ctx, &ccs.Line{Number: floodLine, Name: "Bench", Secrets: ccs.NewLineSecrets(floodLine, "nobody knows")}); err != nil {
		return err
	}
	return tables.Users.Put(ctx, &ccs.User{Login: "admin", Name: "Administrator", Role: ccs.RoleAdministrator})
}

// putNotice stores a notice of recording of noticeFrames.
func putNotice(ctx context.Context, db store.Store, tables *store.Tables) (ccs.Prompt, error) {
	sound := bytes.Repeat([]byte{media.Silence(media.PCMA)}, noticeFrames*media.FrameSamples)
	file := media.AppendWAVHeader(nil, media.WAV{Codec: media.PCMA, Channels: 1, SampleRate: 8000, DataBytes: int64(len(sound))})
	const blob = "sound/notice"
	w, err := db.Blobs().Create(ctx, blob)
	if err != nil {
		return ccs.Prompt{}, err
	}
	defer w.Close()
	if _, err := w.Write(append(file, sound...)); err != nil {
		return ccs.Prompt{}, err
	}
	if err := w.Commit(); err != nil {
		return ccs.Prompt{}, err
	}
	notice := ccs.Sound{
		Meta: ccs.Meta{ID: "notice"}, Name: "Notice", Blob: blob, Duration: ccs.MillisOf(noticeFrames * media.FrameTime),
	}
	return ccs.Prompt{Sound: notice.ID}, tables.Sounds.Put(ctx, &notice)
}
