package ccs

import "testing"

func TestLineSecretsAreTheHashesOfRFC7616(t *testing.T) {
	// printf 100:carillon:secret | md5sum, | sha256sum
	want := LineSecrets{MD5: "16d38e132f3496fd7994a53f19360db0", SHA256: "1e9592de7cdd3201e949499a851b42b25b3367b8f7bb39656f4913193e888d92"}
	if got := NewLineSecrets("100", "secret"); got != want {
		t.Errorf("got %+v", got)
	}
}
