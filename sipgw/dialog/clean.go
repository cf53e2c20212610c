package dialog

import "strings"

// maxValue bounds a header value made of what somebody typed, in bytes.
const maxValue = 200

// Clean makes text that a user or a peer supplied safe within one header value:
// sipgo writes values as they are, so a line end in one would begin a header of
// the writer's choice. Quotes, angle brackets and other control characters go
// as well, and what is too long is cut.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || strings.ContainsRune(`"\<>`, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > maxValue {
		s = strings.ToValidUTF8(s[:maxValue], "")
	}
	return strings.TrimSpace(s)
}

// CleanUser makes text safe as the user part of a SIP URI: what would need an
// escape there is left out.
func CleanUser(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("+*-_.", r) {
			return r
		}
		return -1
	}, Clean(s))
}
