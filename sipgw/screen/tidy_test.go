package screen

import (
	"bytes"
	"testing"
)

func TestTidy(t *testing.T) {
	rows := []struct{ in, want string }{
		{"A b SIP/2.0\r\nTO :\r\n sip:a@b ;  tag   = 1\r\nX: a ; b\r\n\r\nFrom: a ; b", "A b SIP/2.0\r\nTO :sip:a@b;tag=1\r\nX: a ; b\r\n\r\nFrom: a ; b"},
		{"A b SIP/2.0\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=\r\n x , SIP/2.0/TCP y\r\n\r\n", "A b SIP/2.0\r\nVia  : SIP/2.0/UDP 192.0.2.2;branch=x,SIP/2.0/TCP y\r\n\r\n"},
		{"A b SIP/2.0\r\nf: \"J \\\" ; R\"   <sip:a@b>\r\n\t;\r\n tag\t=\t9\r\n\r\n", "A b SIP/2.0\r\nf: \"J \\\" ; R\" <sip:a@b>;tag=9\r\n\r\n"},
		{"A b SIP/2.0", "A b SIP/2.0"},
		{"", ""},
	}
	for _, row := range rows {
		if got := string(Tidy([]byte(row.in))); got != row.want {
			t.Errorf("%q: got %q, want %q", row.in, got, row.want)
		}
	}
}

func FuzzTidy(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("A b SIP/2.0\r\nTO :\r\n sip:a@b ;  tag   = 1\r\n\r\n"))
	f.Add([]byte("A b SIP/2.0\nv:\"\\"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := Check(b)
		own := bytes.Clone(b)
		if got := Tidy(own); before == Pass && Check(got) != Pass {
			t.Errorf("%q became %q, which is bad", b, got)
		}
	})
}
