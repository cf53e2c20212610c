package digest

import (
	"errors"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

func response(t testing.TB, status string, headers ...string) *sip.Response {
	t.Helper()
	m, err := sip.ParseMessage([]byte("SIP/2.0 " + status + "\r\nCSeq: 1 INVITE\r\n" + strings.Join(headers, "\r\n") + "\r\nContent-Length: 0\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*sip.Response)
}

func TestAnswerOfTheExampleInRFC7616(t *testing.T) {
	// RFC 7616 §3.9.1, whose cnonce is not random.
	rows := map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	}
	for algorithm, want := range rows {
		c, err := Read(response(t, "401 Unauthorized", `WWW-Authenticate: Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=`+algorithm+
			`, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`))
		if err != nil {
			t.Fatal(err)
		}
		got, err := digest.Digest(c.asked, digest.Options{
			Method: "GET", URI: "/dir/index.html", Username: "Mufasa", Password: "Circle of Life",
			Cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		})
		if err != nil || got.Response != want {
			t.Errorf("%s: %v, %v", algorithm, got, err)
		}
	}
}

func TestStrongestChallengeThatWeKnowIsAnswered(t *testing.T) {
	challenge := func(header, algorithm string) string {
		return header + `: Digest realm="` + algorithm + `", nonce="n", algorithm=` + algorithm + `, qop="auth"`
	}
	rows := []struct {
		name    string
		headers []string
		realm   string
		answer  string
	}{
		{"one", []string{`WWW-Authenticate: Digest realm="MD5",nonce="n"`}, "MD5", "Authorization"},
		{"of a proxy", []string{challenge("Proxy-Authenticate", "MD5")}, "MD5", "Proxy-Authorization"},
		{"weakest first", []string{challenge("WWW-Authenticate", "MD5"), challenge("WWW-Authenticate", "SHA-256")}, "SHA-256", "Authorization"},
		{"strongest first", []string{challenge("WWW-Authenticate", "SHA-256"), challenge("WWW-Authenticate", "MD5")}, "SHA-256", "Authorization"},
		{"unknown algorithm", []string{challenge("WWW-Authenticate", "SHA-9"), challenge("WWW-Authenticate", "MD5")}, "MD5", "Authorization"},
		{"other scheme", []string{`WWW-Authenticate: Basic realm="x"`, challenge("WWW-Authenticate", "MD5")}, "MD5", "Authorization"},
		{"body protection only", []string{`WWW-Authenticate: Digest realm="x",nonce="n",qop="auth-int"`}, "", ""},
		{"garbage", []string{`WWW-Authenticate: Digest realm="x`}, "", ""},
		{"none", nil, "", ""},
	}
	for _, row := range rows {
		res := response(t, "401 Unauthorized", row.headers...)
		c, err := Read(res)
		if row.answer == "" {
			if !errors.Is(err, ErrNoChallenge) {
				t.Errorf("%s: %v, %v", row.name, c, err)
			}
			continue
		}
		if err != nil || c.Realm != row.realm {
			t.Errorf("%s: %v, %v", row.name, c, err)
			continue
		}
		h, err := c.Answer("INVITE", "sip:1@example.net", "user", "secret")
		if err != nil || h.Name() != row.answer || !strings.Contains(h.Value(), `username="user"`) || strings.Contains(h.Value(), "secret") {
			t.Errorf("%s: %v, %v", row.name, h, err)
		}
	}
}

func TestStaleNonceIsToldFromAWrongPassword(t *testing.T) {
	for value, want := range map[string]bool{"stale=TRUE": true, "stale=true": true, "stale=false": false, `opaque="o"`: false} {
		c, err := Read(response(t, "407 Proxy Authentication Required", `Proxy-Authenticate: Digest realm="r", nonce="n", `+value))
		if err != nil || c.Stale != want {
			t.Errorf("%s: %v, %v", value, c, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth,auth-int", opaque="x", stale=true`)
	f.Add(`Digest`)
	f.Add(`Digest realm=,=`)
	f.Fuzz(func(t *testing.T, value string) {
		res := sip.NewResponse(401, "Unauthorized")
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", value))
		c, err := Read(res)
		if err != nil {
			return
		}
		h, err := c.Answer("REGISTER", "sip:example.net", "user", "password")
		if err == nil && strings.ContainsAny(h.Value(), "\r\n") {
			t.Fatalf("%q was answered with %q", value, h.Value())
		}
	})
}
