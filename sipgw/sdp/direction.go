package sdp

// Direction says who sends sound, as seen by the side that writes it
// (RFC 3264 §5.1).
type Direction uint8

// The directions. SendRecv is what no attribute means.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

var directionNames = [...]string{SendRecv: "sendrecv", SendOnly: "sendonly", RecvOnly: "recvonly", Inactive: "inactive"}

// String is the direction as SDP spells it.
func (d Direction) String() string {
	if int(d) < len(directionNames) {
		return directionNames[d]
	}
	return "unknown"
}

// Sends tells whether the side that wrote d sends sound.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives tells whether the side that wrote d takes sound.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

func parseDirection(s string) (Direction, bool) {
	for d, name := range directionNames {
		if s == name {
			return Direction(d), true
		}
	}
	return SendRecv, false
}

// AnswerDirection is the direction to answer an offered one with
// (RFC 3264 §6.1). noAddress says that the offer's connection address was
// 0.0.0.0 or ::, the hold of RFC 2543: nothing may be sent there, so whatever
// would have sent only receives (RFC 3264 §8.4).
func AnswerDirection(offered Direction, noAddress bool) Direction {
	if noAddress {
		if offered.Sends() {
			return RecvOnly
		}
		return Inactive
	}
	switch offered {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	case Inactive:
		return Inactive
	}
	return SendRecv
}
