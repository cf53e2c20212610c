package mongo

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/store"
)

// gate is a way to the server that can be shut.
type gate struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

func newGate(t *testing.T, target string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: l, target: target}
	g.wg.Go(g.accept)
	t.Cleanup(func() {
		_ = l.Close()
		g.set(true)
		g.wg.Wait()
	})
	return g
}

func (g *gate) accept() {
	for {
		in, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.mu.Lock()
		out, err := net.Dial("tcp", g.target)
		if g.shut || err != nil {
			_ = in.Close()
			if err == nil {
				_ = out.Close()
			}
			g.mu.Unlock()
			continue
		}
		g.conns = append(g.conns, in, out)
		g.mu.Unlock()
		for from, to := range map[net.Conn]net.Conn{in: out, out: in} {
			g.wg.Go(func() {
				_, _ = io.Copy(to, from)
				_ = to.Close()
			})
		}
	}
}

// set shuts the gate, which breaks all connections, or opens it.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for _, c := range g.conns {
			_ = c.Close()
		}
		g.conns = nil
	}
}

// A server that is away shows as an error of its own, soon, and the store works
// again when it is back.
func TestServerGoesAndComesBack(t *testing.T) {
	uri, err := url.Parse(testURI(t))
	if err != nil || uri.Port() == "" || uri.User != nil || uri.RawQuery != "" {
		t.Skip("CARILLON_TEST_MONGO is not one plain host and port")
	}
	freshAt(t, uri.String())
	g := newGate(t, uri.Host)
	s := open(t, "mongodb://"+g.listener.Addr().String()+uri.Path+"?directConnection=true&serverSelectionTimeoutMS=500")
	if err := s.Ensure(t.Context(), store.Schema{Table: "things"}); err != nil {
		t.Fatal(err)
	}
	g.set(true)
	begun := time.Now()
	_, errGet := s.Get(t.Context(), "things", "a")
	_, errList := s.List(t.Context(), "things", store.Query{})
	_, errPut := s.Put(t.Context(), "things", store.Document{ID: "a", Data: []byte(`{}`)})
	for call, err := range map[string]error{"get": errGet, "list": errList, "put": errPut, "delete": s.Delete(t.Context(), "things", "a", 0), "ping": s.Ping(t.Context())} {
		if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrDuplicate) {
			t.Errorf("%s without a server: %v", call, err)
		}
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("five calls without a server took %v", took)
	}
	g.set(false)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if err := s.Ping(ctx); err == nil {
			break
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Put(t.Context(), "things", store.Document{ID: "a", Data: []byte(`{}`)}); err != nil {
		t.Errorf("put after the server is back: %v", err)
	}
}
