package sipgw

import (
	"errors"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// unacceptable is how an offer is refused that cannot be agreed on, with the reason
// in words for whoever set up the other side; ok is false where the error is none of
// an offer.
func unacceptable(err error) (s status, ok bool) {
	s = statusOf(call.ReasonNoCodec)
	code := ""
	switch { // RFC 3261 §20.43
	case errors.Is(err, sdp.ErrNoAddress):
		code = "301" // incompatible network address formats
	case errors.Is(err, sdp.ErrNoCrypto):
		code = "302" // incompatible transport protocol
	case errors.Is(err, sdp.ErrNoCodec):
		code = "305" // incompatible media format
	default:
		return s, false
	}
	s.warning = code + ` carillon "` + dialog.Clean(err.Error()) + `"`
	return s, true
}
