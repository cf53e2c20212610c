package ccs

// Trunk is a provider's SIP link: calls come in through it and go out.
type Trunk struct {
	Meta
	Name     string `json:"name"`
	Disabled bool   `json:"disabled,omitempty"`
	// Targets are where the provider is, the preferred one first; the next is
	// tried when one does not answer or says 503.
	Targets []TrunkTarget `json:"targets"`
	// Register has Carillon sign on at the first target that takes it.
	// Otherwise the provider knows Carillon by its address.
	Register bool `json:"register,omitempty"`
	// Username and Password answer the provider's digest challenges, of
	// registrations and of calls.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	// Domain is the host of From, To and the registrar's URI; "" is the
	// target's.
	Domain  string `json:"domain,omitempty"`
	Expires Millis `json:"expires,omitempty"` // of a registration, asked for; 0 is 10 min
	// Sources are further addresses or networks that the provider calls from,
	// besides those of its targets.
	Sources []string `json:"sources,omitempty"`
	// MediaSources limits where the provider's sound may come from; none is
	// anywhere.
	MediaSources []string   `json:"mediaSources,omitempty"`
	Encryption   Encryption `json:"encryption,omitempty"`
	// Trusted lets the provider move calls by REFER and Replaces.
	Trusted  bool          `json:"trusted,omitempty"`
	CallerID CallerID      `json:"callerId,omitzero"`
	Outgoing TrunkOutgoing `json:"outgoing,omitzero"`
	MaxCalls int           `json:"maxCalls,omitempty"` // at the same time, both ways; 0 is no limit
}

// Transport is how SIP messages travel.
type Transport string

// The transports of SIP; the empty value means UDP.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls"
)

// TrunkTarget is one address of a provider.
type TrunkTarget struct {
	// Host is a name or an IP address. A name without a port is looked up by
	// DNS SRV first (RFC 3263).
	Host      string    `json:"host"`
	Port      int       `json:"port,omitempty"` // 0: by SRV, or the transport's own
	Transport Transport `json:"transport,omitempty"`
}

// Encryption says whether sound is encrypted (SRTP with keys in SDP, RFC 4568).
type Encryption string

// The encryptions of sound; the empty value means EncryptionOff. Encrypted sound
// is taken whenever a peer offers it over TLS.
const (
	EncryptionOff      Encryption = "off"
	EncryptionRequired Encryption = "required"
)

// CallerID says who a trunk's outgoing calls are told to come from.
type CallerID struct {
	// Number is shown where a call has no number of its own, and where Fixed
	// is set always.
	Number string `json:"number,omitempty"`
	Name   string `json:"name,omitempty"`
	Fixed  bool   `json:"fixed,omitempty"`
	// Header says where the provider wants the number.
	Header CallerIDHeader `json:"header,omitempty"`
}

// CallerIDHeader is a way to tell a caller's number in SIP.
type CallerIDHeader string

// The ways; the empty value means CallerIDAsserted.
const (
	CallerIDAsserted  CallerIDHeader = "asserted"  // P-Asserted-Identity (RFC 3325) and From
	CallerIDPreferred CallerIDHeader = "preferred" // P-Preferred-Identity and From
	CallerIDFrom      CallerIDHeader = "from"      // From alone
	// CallerIDAccount keeps the account in From, as some providers insist, and
	// tells the number in P-Asserted-Identity.
	CallerIDAccount CallerIDHeader = "account"
)

// NumberForm is how a provider spells numbers.
type NumberForm string

// The forms, for +33 1 23 45 67 89; the empty value means NumberPlus.
const (
	NumberPlus     NumberForm = "plus"     // +33123456789
	NumberDigits   NumberForm = "digits"   // 33123456789
	NumberZeros    NumberForm = "zeros"    // 0033123456789
	NumberNational NumberForm = "national" // 0123456789 within Country, +… elsewhere
)

// TrunkOutgoing says which calls may go out through a trunk. It guards against
// toll fraud: what it does not allow never reaches the provider.
type TrunkOutgoing struct {
	// Allowed are prefixes of numbers in the form +33…, "+" for all; none
	// forbids every outgoing call.
	Allowed []string `json:"allowed,omitempty"`
	// Blocked are prefixes that may not be called although Allowed has them.
	Blocked    []string   `json:"blocked,omitempty"`
	Country    string     `json:"country,omitempty"` // ISO code of national numbers, such as FR
	Form       NumberForm `json:"form,omitempty"`
	MaxCalls   int        `json:"maxCalls,omitempty"`   // outgoing at the same time; 0 is no limit
	DailyCalls int        `json:"dailyCalls,omitempty"` // outgoing a day (UTC); 0 is no limit
	// DailyPerAgent limits what one agent or line may place a day; 0 is no limit.
	DailyPerAgent int `json:"dailyPerAgent,omitempty"`
}
