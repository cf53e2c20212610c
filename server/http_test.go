package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestWithADomainPasswordsGoOverHTTPSOnly(t *testing.T) {
	h := toHTTPS("cc.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for _, test := range []struct{ method, target, location string }{
		{http.MethodGet, "/calls?number=12", "https://cc.example/calls?number=12"},
		{http.MethodPost, "/login", "https://cc.example/login"},
		{http.MethodGet, "//evil.example/", "https://cc.example//evil.example/"},
		{http.MethodGet, "/readyz", ""},
		{http.MethodGet, "/metrics", ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(test.method, "http://cc.example"+test.target, nil))
		want := http.StatusOK
		if test.location != "" {
			want = http.StatusPermanentRedirect
		}
		if got := w.Header().Get("Location"); got != test.location || w.Code != want {
			t.Errorf("%s %s: %d to %q, want %d to %q", test.method, test.target, w.Code, got, want, test.location)
		}
	}
}
