package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
)

// BenchmarkSavingBindings measures the writing of 2,000 telephones of as many
// lines to SQLite. Telephones that refresh once a minute are all written once in
// 10 min, which "core%" is the cost of.
func BenchmarkSavingBindings(b *testing.B) {
	const lines, every = 2000, 10 * time.Minute
	gateway, err := sipgw.New(sipgw.Config{
		Listen: "127.0.0.1:0", Ports: media.NewPorts(netip.MustParseAddr("127.0.0.1"), 0, 0), Pacer: media.NewPacer(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer gateway.Close()
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "carillon.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	tables := store.NewTables(db)
	if err := tables.Ensure(b.Context()); err != nil {
		b.Fatal(err)
	}
	var all []*ccs.Line
	for i := range lines {
		number := fmt.Sprint(1000 + i)
		all = append(all, &ccs.Line{Meta: ccs.Meta{ID: fmt.Sprintf("01JABCDEFGHJKMNPQRSTVW%04d", i)}, Number: number, Secrets: ccs.NewLineSecrets(number, "secret")})
	}
	gateway.SetLines(all)
	registered := make([]ccs.Binding, lines)
	for i, l := range all {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060)
		registered[i] = ccs.Binding{
			Line: l.ID, Key: sipgw.LineKey(l), Contact: "sip:" + l.Number + "@" + at.String() + ";transport=udp;line=0123456789", Transport: "UDP",
			Local: gateway.Addr(), Peer: at, UserAgent: "Desk telephone 1234 / 5.6.7.8", Since: time.Now(), Expires: time.Now().Add(time.Hour), Granted: 120_000,
			Instance: `"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`, CallID: "0123456789abcdef0123456789abcdef@10.0.0.1", CSeq: 12345,
		}
	}
	if n := gateway.RestoreBindings(registered); n != lines {
		b.Fatalf("%d telephones are known", n)
	}
	outbox := store.NewOutbox(slog.New(slog.DiscardHandler), 0)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		outbox.Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	keep := &bindings{gateway: gateway, table: tables.Bindings, outbox: outbox, node: "01JABCDEFGHJKMNPQRSTVWXYZ0", kept: make(map[string]ccs.Meta)}
	used := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	for b.Loop() {
		keep.saveLast()
		if err := outbox.Flush(ctx); err != nil {
			b.Fatal(err)
		}
	}
	each := (used() - before) / time.Duration(b.N)
	b.ReportMetric(each.Seconds()*1e3, "cpu-ms/op")
	b.ReportMetric(each.Seconds()/every.Seconds()*100, "core%")
}
