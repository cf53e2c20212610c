package dialog

import (
	"log/slog"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Built tells sipgo to send a request as it is: any option switches its own
// filling in of headers off.
func Built(*sipgo.Client, *sip.Request) error { return nil }

// What sipgo keeps for the whole process is set once, before any use of it.
func init() {
	// It measures every UDP message against this, responses too. The bound of
	// RFC 3261 §18.1.1 is for requests, and ours are small; a response with the
	// Via and Record-Route headers of many proxies may be larger and must go out.
	sip.UDPMTUSize = 64 << 10
	// Besides the loggers that it is given it uses this one, at best to warn of
	// its own count of connections.
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
}
