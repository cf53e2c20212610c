package digest

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

var (
	home    = netip.MustParseAddr("192.0.2.1")
	other   = netip.MustParseAddr("192.0.2.2")
	secrets = ccs.NewLineSecrets("100", "secret")
)

// challenge reads a parameter of a challenge.
func challenge(t *testing.T, value, name string) string {
	t.Helper()
	got := ""
	if _, ok := params(value, func(n, v string) {
		if n == name {
			got = v
		}
	}); !ok {
		t.Fatalf("unreadable challenge %q", value)
	}
	return got
}

// answer is what a telephone says to a challenge.
func answer(t *testing.T, value, user, password, method, uri, nc string) string {
	t.Helper()
	c := credentials{
		nonce: challenge(t, value, "nonce"), uri: uri, cnonce: "0a4f113b", nc: nc, qop: "auth",
		algorithm: challenge(t, value, "algorithm"),
	}
	h, secret, _ := c.hash(ccs.NewLineSecrets(user, password))
	return `Digest username="` + user + `", realm="` + challenge(t, value, "realm") + `", nonce="` + c.nonce + `", uri="` + uri +
		`", response="` + c.expected(h, secret, method) + `", algorithm=` + c.algorithm + `, cnonce="` + c.cnonce + `", nc=` + nc + `, qop=auth`
}

func TestAnswerIsThatOfRFC7616(t *testing.T) {
	// The example of RFC 7616 §3.9.1.
	c := credentials{
		nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", uri: "/dir/index.html", nc: "00000001",
		cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop: "auth",
	}
	if got := c.expected(hexMD5, hexMD5("Mufasa:http-auth@example.org:Circle of Life"), "GET"); got != "8ca523f5e9506fed4657c9700eebdbec" {
		t.Errorf("MD5 gives %s", got)
	}
	if got := c.expected(hexSHA256, hexSHA256("Mufasa:http-auth@example.org:Circle of Life"), "GET"); got != "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" {
		t.Errorf("SHA-256 gives %s", got)
	}
}

func TestPasswordIsProvedInEitherAlgorithm(t *testing.T) {
	for i, algorithm := range []string{"SHA-256", "MD5"} {
		s := NewServer("carillon")
		value := s.Challenges(home, "tx", false)[i]
		if got := challenge(t, value, "algorithm"); got != algorithm {
			t.Fatalf("challenge %d is for %s", i, got)
		}
		r := Request{Method: "REGISTER", URI: "sip:carillon.example:5060;transport=tcp", Source: home}
		r.Authorization = []string{answer(t, value, "100", "secret", "REGISTER", "sip:carillon.example", "00000001")}
		if got := s.Verify(r, "100", secrets); got != Right {
			t.Errorf("%s: the right password gives %d", algorithm, got)
		}
		if got := s.Verify(r, "100", secrets); got != Stale {
			t.Errorf("%s: a replayed answer gives %d", algorithm, got)
		}
		r.Authorization = []string{answer(t, value, "100", "secret", "REGISTER", "sip:carillon.example", "00000002")}
		if got := s.Verify(r, "100", secrets); got != Right {
			t.Errorf("%s: the same nonce with the next count gives %d", algorithm, got)
		}
	}
}

func TestWhatDoesNotProveThePassword(t *testing.T) {
	const uri = "sip:carillon.example"
	s := NewServer("carillon")
	value := s.Challenges(home, "tx", false)[0]
	good := answer(t, value, "100", "secret", "REGISTER", uri, "00000001")
	rows := map[string]struct {
		authorization, user, method, uri string
		secrets                          ccs.LineSecrets
		want                             Outcome
	}{
		"none":             {"", "100", "REGISTER", uri, secrets, Missing},
		"another realm":    {strings.Replace(good, `realm="carillon"`, `realm="proxy"`, 1), "100", "REGISTER", uri, secrets, Missing},
		"wrong password":   {answer(t, value, "100", "wrong", "REGISTER", uri, "00000001"), "100", "REGISTER", uri, secrets, Wrong},
		"another method":   {good, "100", "INVITE", uri, secrets, Wrong},
		"another target":   {good, "100", "REGISTER", "sip:200@carillon.example", secrets, Wrong},
		"another user":     {good, "200", "REGISTER", uri, secrets, Wrong},
		"a line without":   {good, "100", "REGISTER", uri, ccs.LineSecrets{}, Wrong},
		"no qop":           {strings.Replace(good, ", qop=auth", "", 1), "100", "REGISTER", uri, secrets, Wrong},
		"unknown algo":     {strings.Replace(good, "SHA-256", "SHA-512-256", 1), "100", "REGISTER", uri, secrets, Wrong},
		"a value twice":    {good + `, response="0"`, "100", "REGISTER", uri, secrets, Wrong},
		"another scheme":   {strings.Replace(good, "Digest", "Basic", 1), "100", "REGISTER", uri, secrets, Wrong},
		"a broken header":  {`Digest username="100`, "100", "REGISTER", uri, secrets, Wrong},
		"an empty hash is": {answer(t, value, "100", "", "REGISTER", uri, "00000001"), "100", "REGISTER", uri, ccs.LineSecrets{}, Wrong},
	}
	for name, row := range rows {
		r := Request{Method: row.method, URI: row.uri, Source: home}
		if row.authorization != "" {
			r.Authorization = []string{row.authorization}
		}
		if got := s.Verify(r, row.user, row.secrets); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}

func TestNonceBelongsToAnAddressAndAServer(t *testing.T) {
	s := NewServer("carillon")
	value := s.Challenges(home, "tx", false)[0]
	authorization := []string{answer(t, value, "100", "secret", "REGISTER", "sip:x", "00000001")}
	r := Request{Method: "REGISTER", URI: "sip:x", Source: other, Authorization: authorization}
	if got := s.Verify(r, "100", secrets); got != Stale {
		t.Errorf("at another address: %d", got)
	}
	if s.Answers(other, authorization) || !s.Answers(home, authorization) {
		t.Error("the nonce answers at the wrong address, or not at its own")
	}
	r.Source = home
	if got := NewServer("carillon").Verify(r, "100", secrets); got != Stale {
		t.Errorf("at another server: %d", got)
	}
	if NewServer("carillon").Answers(home, authorization) {
		t.Error("the nonce of another server answers")
	}
	if got := s.Verify(r, "100", secrets); got != Right {
		t.Errorf("at its own address: %d", got)
	}
}

func TestNonceIsTheSameForARepeatedRequestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer("carillon")
		if s.Nonce(home, "a") != s.Nonce(home, "a") {
			t.Error("a repeated request gets another nonce")
		}
		if s.Nonce(home, "a") == s.Nonce(home, "b") || s.Nonce(home, "a") == s.Nonce(other, "a") {
			t.Error("two requests share a nonce")
		}
	})
}

func TestNonceGetsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer("carillon")
		value := s.Challenges(home, "tx", false)[0]
		time.Sleep(lifetime + time.Second)
		r := Request{Method: "REGISTER", URI: "sip:x", Source: home}
		r.Authorization = []string{answer(t, value, "100", "secret", "REGISTER", "sip:x", "00000001")}
		if got := s.Verify(r, "100", secrets); got != Stale {
			t.Errorf("an old nonce gives %d", got)
		}
		if s.Answers(home, r.Authorization) {
			t.Error("an old nonce answers")
		}
		if value := s.Challenges(home, "tx", true)[1]; challenge(t, value, "stale") != "true" {
			t.Errorf("no stale in %s", value)
		}
	})
}

func TestMemoryOfUsedAnswersIsBoundedAndNeverLies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer("carillon")
		s.used.max = 10
		value := s.Challenges(home, "tx", false)[0]
		time.Sleep(step)
		try := func(nc string) Outcome {
			r := Request{Method: "REGISTER", URI: "sip:x", Source: home}
			r.Authorization = []string{answer(t, value, "100", "secret", "REGISTER", "sip:x", nc)}
			return s.Verify(r, "100", secrets)
		}
		if got := try("00000001"); got != Right {
			t.Fatalf("first use gives %d", got)
		}
		for i := range 100 {
			time.Sleep(time.Second / 4)
			s.used.first(strings.Repeat("x", i+1))
			if got := try("00000001"); got == Right {
				t.Fatalf("a replay was taken after %d others", i)
			}
		}
		if n := len(s.used.now) + len(s.used.older); n > 20 {
			t.Errorf("%d are remembered", n)
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	s := NewServer("carillon")
	f.Add(`Digest username="100", realm="carillon", nonce="` + s.Nonce(home, "tx") + `", uri="sip:x", response="00", qop=auth, nc=00000001, cnonce="a\"b", algorithm=MD5`)
	f.Add(`Digest a="\`)
	f.Add(`digest ,,,username = "x" , realm=`)
	f.Fuzz(func(t *testing.T, header string) {
		r := Request{Method: "REGISTER", URI: "sip:x", Source: home, Authorization: []string{header}}
		if got := s.Verify(r, "100", secrets); got == Right {
			t.Errorf("%q proves a password", header)
		}
		s.Answers(home, r.Authorization)
	})
}

func BenchmarkVerify(b *testing.B) {
	s := NewServer("carillon")
	t := &testing.T{}
	value := s.Challenges(home, "tx", false)[0]
	r := Request{Method: "REGISTER", URI: "sip:x", Source: home, Authorization: []string{answer(t, value, "100", "secret", "REGISTER", "sip:x", "00000001")}}
	for b.Loop() {
		s.Verify(r, "100", secrets)
	}
}
