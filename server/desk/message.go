package desk

import "encoding/json"

// The messages of docs/protocol.md. request is what a page sends: the fields
// that its type does not use are zero.
type request struct {
	Type       string `json:"type"`
	Tab        string `json:"tab"`
	Fresh      bool   `json:"fresh"`
	ID         int    `json:"id"`
	SDP        string `json:"sdp"`
	N          int    `json:"n"`
	Audio      bool   `json:"audio"`
	Microphone bool   `json:"microphone"`
	Reason     string `json:"reason"`
	Offer      string `json:"offer"`
	On         bool   `json:"on"`
	Digit      string `json:"digit"`
	Seconds    int    `json:"seconds"`
	State      string `json:"state"`
	To         string `json:"to"`
	Agent      string `json:"agent"`
	Query      string `json:"query"`
}

type deskMessage struct {
	Type     string      `json:"type"` // "desk"
	Now      int64       `json:"now"`
	Agent    agentPart   `json:"agent"`
	Leading  bool        `json:"leading"`
	State    string      `json:"state"`
	Reason   string      `json:"reason"`
	Since    int64       `json:"since"`
	Problems []string    `json:"problems"`
	Next     string      `json:"next"`
	Device   devicePart  `json:"device"`
	Outside  bool        `json:"outside"`
	Offer    *offerPart  `json:"offer,omitempty"`
	Call     *callPart   `json:"call,omitempty"`
	WrapUp   *wrapUpPart `json:"wrapUp,omitempty"`
}

type agentPart struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type devicePart struct {
	Kind   string `json:"kind"` // a ccs.DeviceKind
	Number string `json:"number"`
	Name   string `json:"name"`
}

type offerPart struct {
	ID       string `json:"id"`
	Call     string `json:"call"`
	From     string `json:"from"`
	FromName string `json:"fromName"`
	To       string `json:"to"`
	ToName   string `json:"toName"`
	Queue    string `json:"queue"`
	Waited   int64  `json:"waited"` // ms, when the offer was made
	Keys     string `json:"keys"`
	Codec    string `json:"codec"`
	Expires  int64  `json:"expires"`
	Phase    string `json:"phase"`   // of a telephone: "calling", "ringing" or "confirm"
	Confirm  string `json:"confirm"` // the accept key, with "confirm"
}

type callPart struct {
	ID          string `json:"id"`
	Direction   string `json:"direction"`
	Phase       string `json:"phase"`   // a call.Phase, or "telephone": the agent's own rings first
	Confirm     string `json:"confirm"` // the accept key that it waits for
	Reason      string `json:"reason"`  // with "notReached", a call.Reason
	Early       bool   `json:"early"`
	Started     int64  `json:"started"`
	From        string `json:"from"`
	FromName    string `json:"fromName"`
	To          string `json:"to"`
	ToName      string `json:"toName"`
	Queue       string `json:"queue"`
	Codec       string `json:"codec"`
	Keys        string `json:"keys"`
	Connected   int64  `json:"connected"`
	Muted       bool   `json:"muted"`
	Held        bool   `json:"held"`
	CallerHolds bool   `json:"callerHolds"`
	Recording   bool   `json:"recording"`
}

type wrapUpPart struct {
	Ends int64 `json:"ends"`
}

type foundMessage struct {
	Type  string  `json:"type"` // "found"
	Query string  `json:"query"`
	Found []Found `json:"found"`
}

type mediaMessage struct {
	Type string `json:"type"` // "media"
	ID   int    `json:"id"`
	SDP  string `json:"sdp"`
}

type probeMessage struct {
	Type string `json:"type"` // "probe"
	N    int    `json:"n"`
}

type noticeMessage struct {
	Type   string            `json:"type"` // "notice"
	Code   string            `json:"code"`
	Params map[string]string `json:"params,omitempty"`
}

type errorMessage struct {
	Type string `json:"type"` // "error"
	For  string `json:"for"`
	Code string `json:"code"`
}

// parseRequest reads a page's message.
func parseRequest(data []byte) (request, error) {
	var r request
	err := json.Unmarshal(data, &r)
	return r, err
}
