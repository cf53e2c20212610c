package sipgw

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

func TestConfigIsChecked(t *testing.T) {
	pacer, ports := media.NewPacer(), media.NewPorts(loopback, 0, 0)
	rows := map[string]Config{
		"no ports":    {Listen: "127.0.0.1:0", Pacer: pacer},
		"no pacer":    {Listen: "127.0.0.1:0", Ports: ports},
		"no port":     {Listen: "127.0.0.1", Pacer: pacer, Ports: ports},
		"a name":      {Listen: "localhost:0", Pacer: pacer, Ports: ports},
		"a bad port":  {Listen: "127.0.0.1:sip", Pacer: pacer, Ports: ports},
		"no such one": {Listen: "192.0.2.1:0", Pacer: pacer, Ports: ports},
	}
	for name, cfg := range rows {
		if g, err := New(cfg); err == nil {
			g.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAllAddressesOfTheMachineAreBound(t *testing.T) {
	g, err := New(Config{Listen: "0.0.0.0:0", Pacer: media.NewPacer(), Ports: media.NewPorts(loopback, 0, 0), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	found := false
	for _, s := range g.sockets.udp {
		found = found || s.LocalAddr().String() == fmt.Sprintf("127.0.0.1:%d", g.Addr().Port())
	}
	if !found || len(g.sockets.tcp) != len(g.sockets.udp) {
		t.Errorf("bound %d UDP and %d TCP sockets", len(g.sockets.udp), len(g.sockets.tcp))
	}
}

func TestEveryReasonHasAStatus(t *testing.T) {
	for _, r := range []call.Reason{
		call.ReasonHangup, call.ReasonCancelled, call.ReasonPlanEnd, call.ReasonPlanHangup, call.ReasonQueueHangup, call.ReasonAnonymous,
		call.ReasonNoPlan, call.ReasonUnknownNumber, call.ReasonLimit, call.ReasonMaxDuration, call.ReasonMediaTimeout, call.ReasonNoAck,
		call.ReasonNoCodec, call.ReasonBusy, call.ReasonShutdown, call.ReasonCrash, call.ReasonReplaced, call.ReasonAgentLost, call.ReasonFailed,
	} {
		if s, ok := statuses[r]; !ok || s.code < 400 || s.code > 699 || s.phrase == "" {
			t.Errorf("%s has %+v", r, s)
		}
	}
}

func TestWhoIsCalledMayRingAsLongAsAPlanMayWant(t *testing.T) {
	cfg, err := Config{Listen: "127.0.0.1:0", Pacer: media.NewPacer(), Ports: media.NewPorts(loopback, 0, 0)}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Timers.Ringing <= 30*time.Minute {
		t.Errorf("ringing ends after %v", cfg.Timers.Ringing)
	}
}
