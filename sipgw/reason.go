package sipgw

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
)

// reasonHeader says in a BYE or CANCEL why we send it (RFC 3326): by the cause
// that the other side of the call gave, if it did. A cause with Status 200 says
// that the call was answered elsewhere, so that a telephone that rang does not
// show it as missed.
func reasonHeader(cause call.Cause) sip.Header {
	if cause.Status == sip.StatusOK {
		return sip.NewHeader("Reason", `SIP;cause=200;text="Call completed elsewhere"`)
	}
	if cause.Q850 > 0 && cause.Q850 <= maxQ850 {
		return q850Header(cause.Q850)
	}
	return q850Header(statusOf(cause.Reason).q850)
}

func q850Header(cause int) sip.Header {
	return sip.NewHeader("Reason", "Q.850;cause="+strconv.Itoa(cause))
}

// maxQ850 is the highest cause: it has seven bits.
const maxQ850 = 127

// readReason reads what a request or response says of why (RFC 3326, RFC 6432):
// a SIP status code and a cause of Q.850, 0 for what it does not say. The first
// of each kind counts.
func readReason(m sip.Message) (code, q850 int) {
	for _, h := range m.GetHeaders("Reason") {
		for _, value := range splitList(h.Value(), ',') {
			protocol, cause := reasonValue(value)
			switch {
			case protocol == "SIP" && code == 0 && cause >= 100 && cause < 700:
				code = cause
			case (protocol == "Q.850" || protocol == "Q850") && q850 == 0 && cause <= maxQ850:
				q850 = cause
			}
		}
	}
	return code, q850
}

// reasonValue reads `Q.850;cause=16;text="Terminated"`. The cause is 0 where it
// is missing or no number.
func reasonValue(value string) (protocol string, cause int) {
	parts := splitList(value, ';')
	for _, p := range parts[1:] {
		name, number, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "cause") {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 16); err == nil {
			cause = int(n)
		}
		break
	}
	return strings.ToUpper(parts[0]), cause
}

// hangupCause is the end of a call by a BYE or CANCEL of a party.
func hangupCause(by call.Party, reason call.Reason, req *sip.Request) call.Cause {
	code, q850 := readReason(req)
	return call.Cause{By: by, Reason: reason, Status: code, Q850: q850}
}
