// Package server puts Carillon together: configuration, store, calls, pages,
// and the order in which they start and stop.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/server/archive"
	"github.com/carillon-cc/carillon/server/desk"
	"github.com/carillon-cc/carillon/server/web"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/tts"
	"github.com/carillon-cc/carillon/webrtc"
)

const (
	// drainTime is how long running calls may go on after a request to stop.
	drainTime = 30 * time.Second
	// closeTime is how long what is left to write may take at the end.
	closeTime = 10 * time.Second
	// startTime is how long the store may take to answer at the start.
	startTime = 30 * time.Second
)

// server is a running Carillon.
type server struct {
	settings settings
	log      *slog.Logger
	node     string

	db         store.Store
	tables     *store.Tables
	outbox     *store.Outbox
	journal    *journal
	spool      *spool
	pacer      *media.Pacer
	recorders  *media.RecordWriter
	prompts    *tts.Library
	config     *configuration
	engine     *queue.Engine
	calls      *call.Manager
	exchange   *exchange
	placed     sync.WaitGroup // calls of agents
	sip        *sipgw.Gateway
	bindings   *bindings
	browsers   *webrtc.Engine
	desks      *desk.Hub
	metrics    *metrics
	alarms     *alarms
	daily      *daily
	http       []*http.Server
	acmeOnce   sync.Once
	acmeConfig *certmagic.Config
	pages      atomic.Pointer[web.Web] // nil until they are open
	draining   chan struct{}           // closed when no new calls are taken
}

// Run runs Carillon until ctx ends, then lets the running calls finish for a
// while. It returns nil after an orderly stop.
func Run(ctx context.Context, c Config) error {
	settings, err := c.check()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: settings.level}))
	s := &server{settings: settings, log: log, draining: make(chan struct{})}
	if err := os.MkdirAll(settings.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	starting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := s.openStore(starting); err != nil {
		return err
	}
	defer func() {
		if err := s.db.Close(); err != nil {
			log.Error("store was not closed", "err", err)
		}
	}()
	return s.run(ctx, starting)
}

// openStore opens the store, makes its tables ready and, at the first start,
// fills it.
func (s *server) openStore(ctx context.Context) error {
	db, err := s.settings.Open(ctx)
	if err != nil {
		return err
	}
	s.db = db
	s.tables = store.NewTables(db)
	if err := errors.Join(s.tables.Ensure(ctx), archive.CheckWhole(ctx, db)); err != nil {
		_ = db.Close()
		return err
	}
	if s.node, err = nodeName(s.settings.Data); err == nil {
		err = s.firstStart(ctx)
	}
	if err != nil {
		_ = db.Close()
		return err
	}
	return nil
}

// run starts every part, serves, and stops them in the opposite order.
func (s *server) run(ctx, starting context.Context) error {
	// What serves calls outlives ctx: it ends when the last call has ended.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()

	s.pacer = media.NewPacer()
	s.pacer.OnFault = s.packetFault
	s.recorders = media.NewRecordWriter()
	s.outbox = store.NewOutbox(s.log, 0)
	s.journal = newJournal(s.tables.Calls, s.outbox)
	s.daily = newDaily(s.tables.DailyCalls, s.outbox)
	s.alarms = &alarms{table: s.tables.Alarms, outbox: s.outbox}
	parts.Go(func() { s.pacer.Run(background) })
	parts.Go(func() { s.recorders.Run(background) })
	parts.Go(func() { s.outbox.Run(background) })

	var err error
	if s.spool, err = newSpool(filepath.Join(s.settings.Data, "spool"), s.recorders, s.tables, s.db.Blobs(), s.log); err != nil {
		return err
	}
	found, err := s.closeCrashed(starting)
	if err != nil {
		return err
	}
	parts.Go(func() { s.spool.run(background, found) })

	s.prompts = tts.NewLibrary(tts.Config{Blobs: s.db.Blobs(), Engines: []tts.Engine{tts.Espeak{}}, Log: s.log})
	defer s.prompts.Close()
	s.engine = queue.New(queue.Options{Log: s.log, AgentChanged: func(queue.AgentStatus) { s.refresh() }})
	s.config = newConfiguration(s.tables, s.engine)
	if err := errors.Join(s.config.load(starting), s.alarms.load(starting)); err != nil {
		return err
	}
	music, err := s.warm(background, &parts)
	if err != nil {
		return err
	}
	s.metrics = s.newMetrics()
	s.calls = call.NewManager(call.Options{
		Pacer: s.pacer, Music: music, RingBack: media.RingBack(), Journal: s.journal, Recorder: s.spool,
		Changed: s.callChanged, AgentLeft: func(c *call.Call, agent string) { s.exchange.free(c, agent) }, Log: s.log, Node: s.node,
	})
	if err := s.openMedia(); err != nil {
		return err
	}
	defer s.browsers.Close()
	s.exchange = &exchange{
		dialer: s.sip, engine: s.engine, config: s.config, prompts: s.prompts,
		busy: media.BusyTone(), failed: media.CongestionTone(), dialled: s.metrics.dialled.Inc, log: s.log,
	}
	s.desks = desk.NewHub(desk.Options{
		Engine: s.engine, Calls: s.calls, WebRTC: s.browsers, User: func(r *http.Request) *ccs.User { return web.UserFrom(r.Context()) },
		NumberLabel: s.config.numberLabel, AgentName: s.config.userName, Place: s.place, MayPlace: s.mayPlace,
		Find: s.find, MayDial: s.mayDial, Telephones: devices{s}, Pacer: s.pacer, Log: s.log,
	})
	defer s.desks.Close()
	s.bindings = &bindings{gateway: s.sip, table: s.tables.Bindings, outbox: s.outbox, node: s.node, log: s.log}
	if err := s.bindings.load(starting); err != nil {
		s.sip.Close()
		return err
	}
	listeners, err := s.openHTTP(background, &parts)
	if err != nil {
		s.sip.Close()
		return err
	}
	saving, stopSaving := context.WithCancel(background)
	defer stopSaving()
	var saver sync.WaitGroup
	saver.Go(func() { s.bindings.run(saving) })
	faults := make(chan error, 1+len(listeners))
	for _, listening := range listeners {
		parts.Go(func() { faults <- listening() })
	}
	parts.Go(func() { faults <- s.sip.Run(background, s.serveCall) })
	s.log.Info("carillon is ready", "http", s.http[0].Addr, "sip", s.sip.Addr().String(), "browser media", s.browsers.Addr().String(), "store", storeKind(s.settings.Store))

	select {
	case err = <-faults:
		s.log.Error("a part failed", "err", err)
	case <-ctx.Done():
		s.drain()
	}
	stopSaving()
	saver.Wait()
	s.shutdown()
	return err
}

// openMedia opens the ports of telephones and browsers.
func (s *server) openMedia() error {
	var ips []netip.Addr // none: those of the machine
	if s.settings.publicIP.IsValid() {
		ips = append(ips, s.settings.publicIP)
	}
	var err error
	s.browsers, err = webrtc.New(webrtc.Config{Listen: s.settings.webrtc, PublicIPs: ips, Pacer: s.pacer, Log: s.log})
	if err != nil {
		return fmt.Errorf("open browser media: %w", err)
	}
	ports := media.NewPorts(media.AnyAddress(), s.settings.rtpFirst, s.settings.rtpEnd)
	ports.OnFault(s.packetFault)
	secure, err := s.sipTLS()
	if err != nil {
		s.browsers.Close()
		return err
	}
	authorities, err := s.sipAuthorities()
	if err != nil {
		s.browsers.Close()
		return err
	}
	s.sip, err = sipgw.New(sipgw.Config{
		ListenTLS: s.settings.SIPTLS, TLS: secure, TLSRoots: authorities,
		Listen: s.settings.SIP, PublicIP: s.settings.publicIP,
		Ports: ports,
		Pacer: s.pacer, AllowLoopback: s.settings.Demo, AllowedNetworks: s.settings.trunks, Log: s.log,
		OnTrunk: func(sipgw.TrunkState) { s.telephonesChanged() }, OnAlarm: s.trunkAlarm, DailyCounts: s.daily.before, OnDialled: s.daily.placed, OnLines: func(string, bool) { s.telephonesChanged() },
	})
	if err != nil {
		s.browsers.Close()
		return fmt.Errorf("open SIP: %w", err)
	}
	s.config.loaded = func(c *flow.Snapshot) {
		s.useTelephony(c)
		s.desks.TelephonesChanged()
	}
	s.useTelephony(s.config.snapshot())
	return nil
}

// drain takes no new calls and waits for the running ones.
func (s *server) drain() {
	close(s.draining)
	s.sip.Drain()
	s.log.Info("stopping", "calls", s.calls.Count())
	select {
	case <-s.calls.Empty():
	case <-s.settings.EndNow:
	case <-time.After(drainTime):
	}
}

// shutdown ends what still runs and writes what is left.
func (s *server) shutdown() {
	s.sip.Drain() // which a fault has not done yet
	s.calls.EndAll(call.Cause{By: call.BySystem, Reason: call.ReasonShutdown})
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	select {
	case <-s.calls.Empty():
		s.placed.Wait()
	case <-ctx.Done():
	}
	for _, h := range s.http {
		_ = h.Shutdown(ctx)
	}
	s.spool.finish(ctx)
	s.bindings.saveLast()
	if err := s.outbox.Flush(ctx); err != nil {
		s.log.Error("call records or telephones of lines were lost", "err", err)
	}
}

// packetFault reports a panic on the path of a call's packets.
func (s *server) packetFault(fault any, stack []byte) {
	s.log.Error("a packet or a timed task failed", "fault", fmt.Sprint(fault), "stack", string(stack))
}
