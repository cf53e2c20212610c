package call

// Party says who ended a call.
type Party string

// The parties that end calls.
const (
	ByCaller Party = "caller"
	ByAgent  Party = "agent"
	ByCalled Party = "called" // who was called, by a plan or by an agent
	BySystem Party = "system"
)

// Reason says why a call or a leg ended. It is kept in the call record and has
// a text in every language of the UI.
type Reason string

// The reasons. Each has its SIP status in package sipgw and its words in the
// locales, under "cause.<reason>".
const (
	ReasonHangup        Reason = "hangup"        // a party hung up after the answer
	ReasonCancelled     Reason = "cancelled"     // the caller left before the answer
	ReasonPlanEnd       Reason = "planEnd"       // the plan ran out
	ReasonPlanHangup    Reason = "planHangup"    // a hang-up action
	ReasonQueueHangup   Reason = "queueHangup"   // overflow or closure of a queue
	ReasonAnonymous     Reason = "anonymous"     // the plan refuses hidden numbers
	ReasonNoPlan        Reason = "noPlan"        // the number has no published plan
	ReasonUnknownNumber Reason = "unknownNumber" // nobody has this number
	ReasonLimit         Reason = "limit"         // a guard of spec 3.1.6
	ReasonMaxDuration   Reason = "maxDuration"
	ReasonMediaTimeout  Reason = "mediaTimeout" // no sound from the party
	ReasonNoAck         Reason = "noAck"        // the caller's answer to our 200 never came
	ReasonNoCodec       Reason = "noCodec"      // no encoding in common
	ReasonBusy          Reason = "busy"         // we take no more calls
	ReasonShutdown      Reason = "shutdown"     // Carillon was stopped
	ReasonCrash         Reason = "crash"        // Carillon ended without closing the call
	ReasonReplaced      Reason = "replaced"     // the leg was taken over by another
	ReasonAgentLost     Reason = "agentLost"
	ReasonTransferred   Reason = "transferred"  // a party's telephone moved the call
	ReasonNotRefreshed  Reason = "notRefreshed" // the session's timer ran out (RFC 4028)

	// Why somebody who was called did not answer.
	ReasonNoAnswer     Reason = "noAnswer"     // it rang for as long as it may
	ReasonTheirBusy    Reason = "theirBusy"    // engaged
	ReasonDeclined     Reason = "declined"     // refused by the person
	ReasonInvalid      Reason = "invalid"      // no such number
	ReasonUnavailable  Reason = "unavailable"  // switched off, not registered, not reachable
	ReasonForwarded    Reason = "forwarded"    // asked for another number, which is not followed
	ReasonTrunkFailed  Reason = "trunkFailed"  // no target of the trunk works
	ReasonTrunkRefused Reason = "trunkRefused" // the provider refuses the call: credentials, credit, policy
	ReasonCongestion   Reason = "congestion"   // the network has no room
	ReasonNotAllowed   Reason = "notAllowed"   // a guard of ours forbids the call
	ReasonNotAccepted  Reason = "notAccepted"  // answered, but the accept key was not pressed
	ReasonFailed       Reason = "failed"       // something went wrong with us; the log says what
)

// Cause is how a call or a leg ended.
type Cause struct {
	By     Party
	Reason Reason
	// Status and Q850 are what the network said: a SIP status code and a cause
	// of ITU-T Q.850, 0 where it said nothing.
	Status, Q850 int
}

// String is for logs.
func (c Cause) String() string { return string(c.By) + "/" + string(c.Reason) }
