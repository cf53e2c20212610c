package web

import (
	"fmt"
	"net/http"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// recordingAudio serves the sound of a recording, from any byte on (HTTP
// Range), so that a player can jump without loading the whole file.
func (w *Web) recordingAudio(rw http.ResponseWriter, r *http.Request) {
	recording, blob := w.openRecording(rw, r)
	if blob == nil {
		return
	}
	defer blob.Close()
	name := recordingName(recording)
	rw.Header().Set("Content-Type", "audio/wav")
	rw.Header().Set("Cache-Control", "private, no-cache")
	rw.Header().Set("ETag", fmt.Sprintf(`"%s-%d"`, recording.ID, blob.Size()))
	if r.URL.Query().Has("download") {
		rw.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	}
	http.ServeContent(rw, r, name, recording.Updated, blob)
}

// openRecording opens the sound of the recording of the address if the user may
// hear it; otherwise it answers and returns nil.
func (w *Web) openRecording(rw http.ResponseWriter, r *http.Request) (*ccs.Recording, store.Blob) {
	recording := w.openableRecording(rw, r)
	if recording == nil {
		return nil, nil
	}
	blob, err := w.o.Blobs.Open(r.Context(), recording.Blob)
	if err != nil {
		w.failed(rw, r, "open recording", err)
		return nil, nil
	}
	return recording, blob
}

// openableRecording finds the recording of the address if the user may hear
// it; otherwise it answers and returns nil.
func (w *Web) openableRecording(rw http.ResponseWriter, r *http.Request) *ccs.Recording {
	recording, err := w.o.Tables.Recordings.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "find recording", err)
		return nil
	}
	c, err := w.o.Tables.Calls.Get(r.Context(), recording.CallID)
	if err != nil {
		w.failed(rw, r, "find the call of a recording", err)
		return nil
	}
	if !maySee(UserFrom(r.Context()), c) {
		w.problem(rw, r, http.StatusForbidden, "forbidden")
		return nil
	}
	return recording
}

// recordingName is the name of the file for whoever downloads it.
func recordingName(recording *ccs.Recording) string {
	return "carillon-" + recording.Started.UTC().Format("2006-01-02-150405") + "-" + recording.CallID + ".wav"
}
