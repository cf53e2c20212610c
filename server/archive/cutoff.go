package archive

import (
	"encoding/json"
	"fmt"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// cutOff ends the record of a call that was running when the backup was made.
// The server's own tidying after a crash would not: it looks for calls of its
// own node, and a restored store may run on another.
func cutOff(calls store.AnyTable, doc store.Document) (store.Document, error) {
	var record ccs.CallRecord
	if err := json.Unmarshal(doc.Data, &record); err != nil {
		return doc, fmt.Errorf("call %s: %w", doc.ID, err)
	}
	if !record.Ended.IsZero() {
		return doc, nil
	}
	record.Ended = record.Started
	if n := len(record.Events); n > 0 {
		record.Ended = record.Events[n-1].At
	}
	record.EndedBy, record.Cause = string(call.BySystem), string(call.ReasonCrash)
	record.Events = append(record.Events, ccs.CallEvent{At: record.Ended, Kind: ccs.EventEnded, Reason: record.Cause})
	data, err := json.Marshal(record)
	if err != nil {
		return doc, fmt.Errorf("call %s: %w", doc.ID, err)
	}
	return calls.Document(doc.Revision, data)
}
