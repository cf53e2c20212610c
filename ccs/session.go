package ccs

import "time"

// Session is a signed-in browser. Its id is a hash of the cookie's token, so
// that a reader of the store cannot sign in with it.
type Session struct {
	Meta
	Expires time.Time `json:"expires"`
	Data    []byte    `json:"data"` // as the session library encodes it
}
