package ccs

import (
	"strings"
	"testing"
)

func TestCheckOfLinesAndDevicesNamesFieldAndReason(t *testing.T) {
	line := func(change func(*Line)) *Line {
		l := Line{Number: "201", Name: "Reception"}
		change(&l)
		return &l
	}
	device := func(d Device) *Agent { return &Agent{Device: d} }
	queue := func(key string) *Queue { return &Queue{Name: "q", Strategy: RingAll, AcceptKey: key} }
	for _, test := range []struct {
		name  string
		value interface{ Check() error }
		want  string
	}{
		{"a plain line", line(func(*Line) {}), ""},
		{"a line with everything", line(func(l *Line) {
			l.Secrets = LineSecrets{MD5: strings.Repeat("a1", 16), SHA256: strings.Repeat("0f", 32)}
			l.MaxContacts, l.CallerID, l.Forward, l.Encryption = MaxLineContacts, "+33123456789", "+33612345678", EncryptionRequired
		}), ""},
		{"nothing given", &Line{}, "number required\nname required"},
		{"an outside number", line(func(l *Line) { l.Number = "+33123456789" }), "number format"},
		{"a number that is a header", line(func(l *Line) { l.Number = "2\r\nX: y" }), "number format"},
		{"a number that is too long", line(func(l *Line) { l.Number = strings.Repeat("1", 33) }), "number format"},
		{"a name with a line break", line(func(l *Line) { l.Name = "a\nb" }), "name format"},
		{
			"hashes that are none", line(func(l *Line) { l.Secrets = LineSecrets{MD5: "secret", SHA256: strings.Repeat("A1", 32)} }),
			"secrets.md5 format\nsecrets.sha256 format",
		},
		{"too many telephones", line(func(l *Line) { l.MaxContacts = MaxLineContacts + 1 }), "maxContacts outOfRange"},
		{"a negative number of telephones", line(func(l *Line) { l.MaxContacts = -1 }), "maxContacts outOfRange"},
		{"a caller id with spaces", line(func(l *Line) { l.CallerID = "+33 1" }), "callerId format"},
		{"a forward that cannot be dialled", line(func(l *Line) { l.Forward = "home please" }), "forward format"},
		{"a forward to a colleague", line(func(l *Line) { l.Forward = "202" }), ""},
		{"a forward to itself", line(func(l *Line) { l.Forward = "201" }), "forward own"},
		{"an unknown encryption", line(func(l *Line) { l.Encryption = "maybe" }), "encryption unknownValue"},

		{"the browser", device(Device{}), ""},
		{"a line", device(Device{Kind: DeviceLine, Line: "id"}), ""},
		{"no line", device(Device{Kind: DeviceLine, Number: "+33123456789"}), "device.line required"},
		{"an outside phone", device(Device{Kind: DevicePhone, Number: "+33612345678"}), ""},
		{"no outside number", device(Device{Kind: DevicePhone, Line: "id"}), "device.number required"},
		{"an outside number without a country", device(Device{Kind: DevicePhone, Number: "0612345678"}), "device.number format"},
		{"an unknown device", device(Device{Kind: "pigeon"}), "device.kind unknownValue"},
		{"a bad caller id of an agent", &Agent{CallerID: "me"}, "callerId format"},

		{"the usual accept key", queue(""), ""},
		{"a hash", queue("#"), ""},
		{"a letter", queue("a"), "acceptKey format"},
		{"two keys", queue("12"), "acceptKey format"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := problems(t, test.value.Check()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
