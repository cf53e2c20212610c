package sipgw

import (
	"strconv"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
)

// status is how a call that was not answered is refused.
type status struct {
	code       int
	phrase     string
	retryAfter int    // s, 0 for no Retry-After
	q850       int    // the same as a cause of ITU-T Q.850, 0 for none
	warning    string // Warning, "" for none
}

// statuses is what each reason means in SIP, for a caller who was not answered,
// and in Q.850, for whom we hang up on (RFC 3398 §8.2.6.1).
var statuses = map[call.Reason]status{
	call.ReasonHangup:        {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 16},
	call.ReasonCancelled:     {code: sip.StatusRequestTerminated, phrase: "Request Terminated", q850: 16},
	call.ReasonPlanEnd:       {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 16},
	call.ReasonPlanHangup:    {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 16},
	call.ReasonQueueHangup:   {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 16},
	call.ReasonAnonymous:     {code: 433, phrase: "Anonymity Disallowed", q850: 21}, // RFC 5079
	call.ReasonNoPlan:        {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 20},
	call.ReasonUnknownNumber: {code: sip.StatusNotFound, phrase: "Not Found", q850: 1},
	call.ReasonLimit:         {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 31},
	call.ReasonMaxDuration:   {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 16},
	call.ReasonMediaTimeout:  {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 102},
	call.ReasonNoAck:         {code: sip.StatusRequestTimeout, phrase: "Request Timeout", q850: 102},
	call.ReasonNoCodec:       {code: sip.StatusNotAcceptableHere, phrase: "Not Acceptable Here", q850: 88},
	call.ReasonBusy:          {code: sip.StatusServiceUnavailable, phrase: "Service Unavailable", retryAfter: 30, q850: 34},
	call.ReasonShutdown:      {code: sip.StatusServiceUnavailable, phrase: "Service Unavailable", retryAfter: 60, q850: 41},
	call.ReasonCrash:         {code: sip.StatusInternalServerError, phrase: "Server Internal Error", q850: 41},
	call.ReasonReplaced:      {code: sip.StatusRequestTerminated, phrase: "Request Terminated", q850: 16},
	call.ReasonAgentLost:     {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 41},
	call.ReasonTransferred:   {code: sip.StatusRequestTerminated, phrase: "Request Terminated", q850: 16},
	call.ReasonNotRefreshed:  {code: sip.StatusRequestTimeout, phrase: "Request Timeout", q850: 102},
	call.ReasonNoAnswer:      {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 19},
	call.ReasonTheirBusy:     {code: sip.StatusBusyHere, phrase: "Busy Here", q850: 17},
	call.ReasonDeclined:      {code: sip.StatusGlobalDecline, phrase: "Decline", q850: 21},
	call.ReasonInvalid:       {code: sip.StatusNotFound, phrase: "Not Found", q850: 1},
	call.ReasonUnavailable:   {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 20},
	call.ReasonForwarded:     {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 22},
	// Not 503, which speaks of us and has a trunk take us for dead
	// (RFC 3261 §16.7 step 6).
	call.ReasonTrunkFailed:  {code: sip.StatusBadGateway, phrase: "Bad Gateway", q850: 38},
	call.ReasonTrunkRefused: {code: sip.StatusForbidden, phrase: "Forbidden", q850: 21},
	call.ReasonCongestion:   {code: sip.StatusInternalServerError, phrase: "Server Internal Error", q850: 34},
	call.ReasonNotAllowed:   {code: sip.StatusForbidden, phrase: "Forbidden", q850: 21},
	call.ReasonNotAccepted:  {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable", q850: 16},
	call.ReasonFailed:       {code: sip.StatusInternalServerError, phrase: "Server Internal Error", q850: 41},
}

// refusals is what the final responses of somebody whom we call mean. Others
// mean what their class does.
var refusals = map[int]call.Reason{
	sip.StatusUnauthorized:           call.ReasonTrunkRefused,
	402:                              call.ReasonTrunkRefused, // Payment Required
	sip.StatusForbidden:              call.ReasonTrunkRefused,
	sip.StatusNotFound:               call.ReasonInvalid,
	407:                              call.ReasonTrunkRefused, // Proxy Authentication Required
	sip.StatusRequestTimeout:         call.ReasonUnavailable,
	410:                              call.ReasonInvalid,      // Gone
	415:                              call.ReasonNoCodec,      // Unsupported Media Type
	416:                              call.ReasonInvalid,      // Unsupported URI Scheme
	428:                              call.ReasonTrunkRefused, // RFC 8224: the caller's identity
	430:                              call.ReasonUnavailable,  // Flow Failed
	433:                              call.ReasonDeclined,     // Anonymity Disallowed
	436:                              call.ReasonTrunkRefused,
	437:                              call.ReasonTrunkRefused,
	438:                              call.ReasonTrunkRefused,
	sip.StatusTemporarilyUnavailable: call.ReasonUnavailable,
	482:                              call.ReasonTrunkFailed, // Loop Detected
	483:                              call.ReasonTrunkFailed, // Too Many Hops
	484:                              call.ReasonInvalid,     // Address Incomplete
	485:                              call.ReasonInvalid,     // Ambiguous
	sip.StatusBusyHere:               call.ReasonTheirBusy,
	sip.StatusRequestTerminated:      call.ReasonCancelled,
	sip.StatusNotAcceptableHere:      call.ReasonNoCodec,
	sip.StatusServiceUnavailable:     call.ReasonCongestion,
	504:                              call.ReasonUnavailable, // Server Time-out
	580:                              call.ReasonCongestion,  // Precondition Failure
	600:                              call.ReasonTheirBusy,   // Busy Everywhere
	604:                              call.ReasonInvalid,     // Does Not Exist Anywhere
	606:                              call.ReasonNoCodec,     // Not Acceptable
}

// classes is what a final response means by its class.
var classes = map[int]call.Reason{
	3: call.ReasonForwarded,
	4: call.ReasonFailed,
	5: call.ReasonTrunkFailed,
	6: call.ReasonDeclined,
}

// causes is what causes of ITU-T Q.850 mean. Those that only say that a call is
// over, or that something else went wrong, are left out.
var causes = map[int]call.Reason{
	1:  call.ReasonInvalid, // unallocated number
	2:  call.ReasonInvalid, // no route to a transit network
	3:  call.ReasonInvalid, // no route to destination
	17: call.ReasonTheirBusy,
	18: call.ReasonUnavailable, // no user responding
	19: call.ReasonNoAnswer,
	20: call.ReasonUnavailable, // subscriber absent
	21: call.ReasonDeclined,
	22: call.ReasonInvalid,      // number changed
	27: call.ReasonUnavailable,  // destination out of order
	28: call.ReasonInvalid,      // incomplete number
	29: call.ReasonTrunkRefused, // facility rejected
	34: call.ReasonCongestion,   // no circuit
	38: call.ReasonTrunkFailed,  // network out of order
	41: call.ReasonTrunkFailed,  // temporary failure
	42: call.ReasonCongestion,   // switching equipment
	44: call.ReasonCongestion,   // requested channel
	47: call.ReasonCongestion,   // resource unavailable
	50: call.ReasonTrunkRefused, // facility not subscribed
	52: call.ReasonTrunkRefused, // outgoing calls barred
	55: call.ReasonTrunkRefused, // incoming calls barred
	57: call.ReasonTrunkRefused, // bearer capability not authorized
	58: call.ReasonCongestion,   // bearer capability not available
	65: call.ReasonNoCodec,      // bearer capability not implemented
	88: call.ReasonNoCodec,      // incompatible destination
}

// statusOf is the status of a reason; one without an entry is a fault of ours.
func statusOf(r call.Reason) status {
	if s, ok := statuses[r]; ok {
		return s
	}
	return statuses[call.ReasonFailed]
}

// reasonOf is what a final response with a status code means, and the Q.850
// cause that came with it, 0 for none. The cause counts more, being what the
// network behind the peer said. rang tells whether the telephone rang.
func reasonOf(code, q850 int, rang bool) call.Reason {
	if r, ok := causes[q850]; ok && code >= 400 {
		return r
	}
	if rang && (code == sip.StatusRequestTimeout || code == sip.StatusTemporarilyUnavailable) {
		return call.ReasonNoAnswer // nobody took it; RFC 3398 §8.2.6.1 makes 480 of cause 19
	}
	if r, ok := refusals[code]; ok {
		return r
	}
	if r, ok := classes[code/100]; ok {
		return r
	}
	return call.ReasonFailed
}

// response makes the refusal of a request.
func (s status) response(req *sip.Request) *sip.Response {
	res := sip.NewResponseFromRequest(req, s.code, s.phrase, nil)
	if s.retryAfter > 0 {
		res.AppendHeader(sip.NewHeader("Retry-After", strconv.Itoa(s.retryAfter)))
	}
	if s.q850 > 0 {
		res.AppendHeader(q850Header(s.q850)) // RFC 6432
	}
	if s.warning != "" {
		res.AppendHeader(sip.NewHeader("Warning", s.warning))
	}
	return res
}
