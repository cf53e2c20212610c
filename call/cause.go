package call

// Party says who ended a call.
type Party string

// The parties that end calls.
const (
	ByCaller Party = "caller"
	ByAgent  Party = "agent"
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
	ReasonFailed        Reason = "failed" // something went wrong with us; the log says what
)

// Cause is how a call or a leg ended.
type Cause struct {
	By     Party
	Reason Reason
}

// String is for logs.
func (c Cause) String() string { return string(c.By) + "/" + string(c.Reason) }
