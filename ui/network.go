package ui

import (
	"strconv"
	"strings"
)

// sipPhrases are the words that SIP gives to its refusals (RFC 3261 §21); they are
// names, the same in every language.
var sipPhrases = map[int]string{
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy", 380: "Alternative Service",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
	413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
	420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small", 423: "Interval Too Brief",
	433: "Anonymity Disallowed", 436: "Bad Identity Info", 438: "Invalid Identity Header",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
	484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
	491: "Request Pending", 493: "Undecipherable", 500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway",
	503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
	580: "Precondition Failure", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
	607: "Unwanted", 608: "Rejected",
}

// NetworkText says what the network said: a SIP status, a cause of Q.850, both, or
// "" for nothing.
func NetworkText(t *Texts, status, q850 int) string {
	var parts []string
	if status != 0 {
		phrase := sipPhrases[status]
		parts = append(parts, strings.TrimSuffix(t.T("cause.network.sip", "Status", status, "Phrase", phrase), "."))
		if phrase == "" {
			parts[0] = strings.TrimRight(parts[0], " ")
		}
		parts[0] += "."
	}
	if q850 != 0 {
		words := t.Or("q850."+strconv.Itoa(q850), "q850.other")
		parts = append(parts, t.T("cause.network.q850", "Code", q850, "Words", words))
	}
	return strings.Join(parts, " ")
}
