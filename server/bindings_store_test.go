package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/store"
)

// awayStore is a store that takes no documents while it is away.
type awayStore struct {
	store.Store
	away  atomic.Bool
	tried atomic.Int32
}

func (s *awayStore) Put(ctx context.Context, table string, doc store.Document) (int64, error) {
	if s.tried.Add(1); s.away.Load() {
		return 0, errors.New("the store is away")
	}
	return s.Store.Put(ctx, table, doc)
}

var hall = &ccs.Line{Meta: ccs.Meta{ID: "hall"}, Number: "201", Secrets: ccs.NewLineSecrets("201", "secret")}

// lineGateway is a gateway with a line, which does not run.
func lineGateway(t *testing.T) *sipgw.Gateway {
	t.Helper()
	g, err := sipgw.New(sipgw.Config{
		Listen: "127.0.0.1:0", Ports: media.NewPorts(netip.MustParseAddr("127.0.0.1"), 0, 0), Pacer: media.NewPacer(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	g.SetLines([]*ccs.Line{hall})
	return g
}

// telephoneOf is a telephone of the line at a gateway.
func telephoneOf(g *sipgw.Gateway, contact string) ccs.Binding {
	return ccs.Binding{
		Line: hall.ID, Key: sipgw.LineKey(hall), Contact: contact, Transport: "UDP", Local: g.Addr(), Peer: netip.MustParseAddrPort("192.0.2.1:5060"),
		Expires: time.Now().Add(time.Hour), Granted: 3600_000,
	}
}

func TestTelephonesOfLinesAreStoredWhenTheStoreIsBack(t *testing.T) {
	s := opened(t)
	db := &awayStore{Store: s.db}
	table := store.NewTables(db).Bindings
	g := lineGateway(t)
	written(t, func(o *store.Outbox) {
		keep := &bindings{gateway: g, table: table, outbox: o, node: "node-1", log: s.log}
		if err := keep.load(t.Context()); err != nil {
			t.Fatal(err)
		}
		db.away.Store(true)
		if g.RestoreBindings([]ccs.Binding{telephoneOf(g, "sip:201@192.0.2.1")}) != 1 {
			t.Fatal("the telephone is not known")
		}
		for _, sheet := range g.UnsavedBindings() {
			keep.save(sheet, false)
		}
		for limit := time.Now().Add(20 * time.Second); db.tried.Load() == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatal("nothing is written")
			}
		}
		// What is written in the end is how it is by then.
		if g.RestoreBindings([]ccs.Binding{telephoneOf(g, "sip:201@192.0.2.1:5070")}) != 1 {
			t.Fatal("the second telephone is not known")
		}
		db.away.Store(false)
	})
	sheets, _, err := table.List(t.Context(), store.Query{})
	if err != nil || len(sheets) != 1 || len(sheets[0].List) != 2 {
		t.Errorf("stored %+v, %v", sheets, err)
	}
}

func TestTelephonesOfANodeThatIsGoneAreForgotten(t *testing.T) {
	s := opened(t)
	g := lineGateway(t)
	for id, ended := range map[string]time.Duration{"running-00": -time.Minute, "stopped-00": time.Hour, "gone-00": strayBindings + time.Minute} {
		one := telephoneOf(g, "sip:201@192.0.2.1")
		one.Expires = time.Now().Add(-ended)
		data, err := json.Marshal(ccs.Bindings{Meta: ccs.Meta{ID: id, Updated: time.Now().Add(-48 * time.Hour)}, Node: id, List: []ccs.Binding{one}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.db.Put(t.Context(), "bindings", store.Document{ID: id, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	keep := &bindings{gateway: g, table: s.tables.Bindings, node: "node-1", log: s.log}
	if err := keep.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g.Stats().Registered != 0 {
		t.Error("another node's telephones are taken up")
	}
	left, _, err := s.tables.Bindings.List(t.Context(), store.Query{})
	if err != nil || len(left) != 2 || left[0].ID != "running-00" || left[1].ID != "stopped-00" {
		t.Errorf("left are %v, %v", left, err)
	}
}
