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

	"github.com/oklog/ulid/v2"

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
	s := open(t, "mongodb://"+g.listener.Addr().String()+uri.Path+"?directConnection=true&serverSelectionTimeoutMS=3000")
	if err := s.Ensure(t.Context(), store.Schema{Table: "things"}); err != nil {
		t.Fatal(err)
	}
	g.set(true)
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second) // the driver's own patience is 30 s
	defer cancel()
	var calls sync.WaitGroup
	for name, call := range map[string]func() error{
		"get":    func() error { _, err := s.Get(ctx, "things", "a"); return err },
		"list":   func() error { _, err := s.List(ctx, "things", store.Query{}); return err },
		"put":    func() error { _, err := s.Put(ctx, "things", store.Document{ID: "a", Data: []byte(`{}`)}); return err },
		"delete": func() error { return s.Delete(ctx, "things", "a", 0) },
		"ping":   func() error { return s.Ping(ctx) },
	} {
		calls.Go(func() {
			err := call()
			if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrDuplicate) {
				t.Errorf("%s without a server: %v", name, err)
			}
		})
	}
	calls.Wait()
	if ctx.Err() != nil {
		t.Error("a call without a server does not give up by itself")
	}
	g.set(false)
	works(t, "ping", func(ctx context.Context) error { return s.Ping(ctx) })
	works(t, "put", func(ctx context.Context) error {
		_, err := s.Put(ctx, "things", store.Document{ID: ulid.Make().String(), Data: []byte(`{}`)})
		return err
	})
}

// works waits until a call goes well.
func works(t *testing.T, name string, call func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := call(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s after the server is back: %v", name, err)
		}
	}
}
