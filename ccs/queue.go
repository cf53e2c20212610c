package ccs

// Strategy says who of a queue's members is offered a caller (spec 5.1).
type Strategy string

// The strategies that the engine knows.
const (
	Sequential Strategy = "sequential"
	RingAll    Strategy = "ringAll"
)

// QueueExit says what happens to a caller whom a queue does not take.
type QueueExit struct {
	Prompt Prompt `json:"prompt,omitzero"` // played first
	Hangup bool   `json:"hangup,omitempty"`
}

// Queue is a waiting room, its members and how they are offered its callers.
type Queue struct {
	Meta
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Strategy    Strategy      `json:"strategy"`
	Members     []QueueMember `json:"members"`               // in order
	MaxWaiting  int           `json:"maxWaiting,omitempty"`  // callers waiting or being offered; 0 is no limit
	MaxWait     Millis        `json:"maxWait,omitempty"`     // 0 is no limit
	RingTimeout Millis        `json:"ringTimeout,omitempty"` // 0 is the agent's own
	WrapUp      Millis        `json:"wrapUp,omitempty"`      // 0 is the agent's own
	Music       Prompt        `json:"music,omitzero"`        // none is the built-in hold music
	Overflow    QueueExit     `json:"overflow,omitzero"`     // more than MaxWaiting
	Closure     QueueExit     `json:"closure,omitzero"`      // no member logged in
	Record      bool          `json:"record,omitempty"`
	Notice      Prompt        `json:"notice,omitzero"` // of recording; none is the built-in one
	// MissedLimit is after how many missed offers in a row an agent stops
	// being offered calls; 0 is 1.
	MissedLimit int `json:"missedLimit,omitempty"`
	// AcceptKey is what an outside phone must press to take a call; "" is 1.
	AcceptKey string `json:"acceptKey,omitempty"`
	// FollowForwards follows a member's own forwards: a 3xx of the telephone,
	// the forward of its line. Otherwise the member counts as declining.
	FollowForwards bool `json:"followForwards,omitempty"`
}

// QueueMember is an agent's place in a queue.
type QueueMember struct {
	Agent    string `json:"agent"`              // id of an Agent
	Priority int    `json:"priority,omitempty"` // lower is offered first
}

// Agent is a user who takes calls. Its id is that of its User.
type Agent struct {
	Meta
	Description       string `json:"description,omitempty"`
	RingTimeout       Millis `json:"ringTimeout,omitempty"` // 0 is 20 s
	WrapUp            Millis `json:"wrapUp,omitempty"`
	SimultaneousCalls int    `json:"simultaneousCalls,omitempty"` // 0 is 1
	Device            Device `json:"device,omitzero"`
	// Outside lets the agent call beyond Carillon's own numbers.
	Outside  bool   `json:"outside,omitempty"`
	CallerID string `json:"callerId,omitempty"` // number shown outside; "" is the trunk's
}

// Role is what a user may do.
type Role string

// The roles of spec 10.
const (
	RoleAdministrator Role = "administrator"
	RoleSupervisor    Role = "supervisor"
	RoleAgent         Role = "agent"
)

// User is somebody who signs in.
type User struct {
	Meta
	Login        string `json:"login"`
	Name         string `json:"name"`
	Role         Role   `json:"role"`
	Language     string `json:"language,omitempty"` // "en", "fr" or the browser's
	PasswordHash string `json:"passwordHash"`       // argon2id, encoded with its parameters
}
