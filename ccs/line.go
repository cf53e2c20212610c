package ccs

import (
	"crypto/md5" //nolint:gosec // RFC 7616 has it, and telephones that know nothing better
	"crypto/sha256"
	"encoding/hex"
)

// Line is a SIP telephone that registers with Carillon.
type Line struct {
	Meta
	// Number is the telephone's user name and what others dial to reach it.
	Number   string `json:"number"`
	Name     string `json:"name"`
	Disabled bool   `json:"disabled,omitempty"`
	// Secrets are the digest hashes of number:realm:password (RFC 7616 §3.4.2,
	// A1) in hexadecimal; the password itself is not kept.
	Secrets LineSecrets `json:"secrets,omitzero"`
	// MaxContacts is how many telephones may be registered at once; 0 is 3.
	MaxContacts int `json:"maxContacts,omitempty"`
	// Outside lets the line call beyond Carillon's own numbers.
	Outside    bool       `json:"outside,omitempty"`
	CallerID   string     `json:"callerId,omitempty"` // number shown outside; "" is the trunk's
	Forward    string     `json:"forward,omitempty"`  // every call goes to this number
	Encryption Encryption `json:"encryption,omitempty"`
	// Trusted lets the telephone move calls by REFER and Replaces.
	Trusted bool `json:"trusted,omitempty"`
}

// LineSecrets are a line's digest hashes, one an algorithm.
type LineSecrets struct {
	MD5    string `json:"md5,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// NewLineSecrets makes the hashes of a line's password. They hold the number:
// when it changes the password must be set anew.
func NewLineSecrets(number, password string) LineSecrets {
	a1 := []byte(number + ":" + LineRealm + ":" + password)
	m, s := md5.Sum(a1), sha256.Sum256(a1) //nolint:gosec // as above
	return LineSecrets{MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:])}
}

// LineRealm is the digest realm of all lines. The hashes hold it, so it never
// changes.
const LineRealm = "carillon"

// DeviceKind says what an agent's calls ring on.
type DeviceKind string

// The devices of spec 6.1; the empty value means DeviceBrowser.
const (
	DeviceBrowser DeviceKind = "browser"
	DeviceLine    DeviceKind = "line"
	DevicePhone   DeviceKind = "phone" // outside, through a trunk
)

// Device is what an agent's calls ring on.
type Device struct {
	Kind   DeviceKind `json:"kind,omitempty"`
	Line   string     `json:"line,omitempty"`   // id of a Line, of DeviceLine
	Number string     `json:"number,omitempty"` // of DevicePhone
}
