package ccs

import (
	"net/netip"
	"time"
)

// Bindings are where the telephones of some lines are (RFC 3261 §10), kept for
// the next start of the process that they registered with.
type Bindings struct {
	Meta
	Node string    `json:"node"` // as in CallRecord
	List []Binding `json:"list"`
}

// Binding is one telephone of a line.
type Binding struct {
	Line string `json:"line"` // id of the Line
	// Key is another one when the line's number or password is.
	Key     string `json:"key"`
	Contact string `json:"contact"` // a URI
	// Transport ("UDP", "TCP" or "TLS"), Local and Peer are the way to it.
	Transport string         `json:"transport"`
	Local     netip.AddrPort `json:"local"`
	Peer      netip.AddrPort `json:"peer"`
	UserAgent string         `json:"userAgent,omitempty"`
	Since     time.Time      `json:"since"`
	// Expires is the latest moment at which the binding ends unless it is
	// refreshed, and Granted how long each refreshing lasts.
	Expires  time.Time `json:"expires"`
	Granted  Millis    `json:"granted"`
	Q        string    `json:"q,omitempty"`
	Instance string    `json:"instance,omitempty"` // +sip.instance and reg-id (RFC 5626 §4.1)
	// CallID and CSeq are those of its REGISTER, by which an older one is told
	// from a newer (RFC 3261 §10.3).
	CallID string `json:"callId"`
	CSeq   uint32 `json:"cseq"`
}
