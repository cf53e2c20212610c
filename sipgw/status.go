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
	retryAfter int // s, 0 for no Retry-After
}

// statuses is what each reason means in SIP, for a caller who was not answered.
var statuses = map[call.Reason]status{
	call.ReasonHangup:        {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable"},
	call.ReasonCancelled:     {code: sip.StatusRequestTerminated, phrase: "Request Terminated"},
	call.ReasonPlanEnd:       {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable"},
	call.ReasonPlanHangup:    {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable"},
	call.ReasonQueueHangup:   {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable"},
	call.ReasonAnonymous:     {code: 433, phrase: "Anonymity Disallowed"}, // RFC 5079
	call.ReasonNoPlan:        {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable"},
	call.ReasonUnknownNumber: {code: sip.StatusNotFound, phrase: "Not Found"},
	call.ReasonLimit:         {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable"},
	call.ReasonMaxDuration:   {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable"},
	call.ReasonMediaTimeout:  {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable"},
	call.ReasonNoAck:         {code: sip.StatusRequestTimeout, phrase: "Request Timeout"},
	call.ReasonNoCodec:       {code: sip.StatusNotAcceptableHere, phrase: "Not Acceptable Here"},
	call.ReasonBusy:          {code: sip.StatusServiceUnavailable, phrase: "Service Unavailable", retryAfter: 30},
	call.ReasonShutdown:      {code: sip.StatusServiceUnavailable, phrase: "Service Unavailable", retryAfter: 60},
	call.ReasonCrash:         {code: sip.StatusInternalServerError, phrase: "Server Internal Error"},
	call.ReasonReplaced:      {code: sip.StatusRequestTerminated, phrase: "Request Terminated"},
	call.ReasonAgentLost:     {code: sip.StatusTemporarilyUnavailable, phrase: "Temporarily Unavailable"},
	call.ReasonFailed:        {code: sip.StatusInternalServerError, phrase: "Server Internal Error"},
}

// statusOf is the status of a reason; one without an entry is a fault of ours.
func statusOf(r call.Reason) status {
	if s, ok := statuses[r]; ok {
		return s
	}
	return statuses[call.ReasonFailed]
}

// response makes the refusal of a request.
func (s status) response(req *sip.Request) *sip.Response {
	res := sip.NewResponseFromRequest(req, s.code, s.phrase, nil)
	if s.retryAfter > 0 {
		res.AppendHeader(sip.NewHeader("Retry-After", strconv.Itoa(s.retryAfter)))
	}
	return res
}
