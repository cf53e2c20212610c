package sipgw

import (
	"testing"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

func TestEncryptionFollowsTheSignalling(t *testing.T) {
	rows := []struct {
		transport string
		demanded  ccs.Encryption
		want      sdp.Policy
	}{
		{"UDP", "", sdp.Plain},
		{"TCP", ccs.EncryptionOff, sdp.Plain},
		{"TLS", "", sdp.Preferred},
		{"TLS", ccs.EncryptionOff, sdp.Preferred},
		{"TLS", ccs.EncryptionRequired, sdp.Required},
		{"UDP", ccs.EncryptionRequired, sdp.Required},
	}
	for _, r := range rows {
		if got := policyOf(r.transport, r.demanded); got != r.want {
			t.Errorf("%s, %q: %d, want %d", r.transport, r.demanded, got, r.want)
		}
	}
}
