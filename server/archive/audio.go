package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/store"
)

// soundEntry is a sound in the file: its audio stands for blob and duration,
// which follow from it.
type soundEntry struct {
	ccs.Sound
	Audio []byte `json:"audio"` // WAV, A-law, 8 kHz, mono
}

// audioOf are the sounds' audios of a file, by the ids of the blobs that they
// become.
type audioOf map[string][]byte

// decode reads a sound of the file.
func (a audioOf) decode(raw []byte) (*ccs.Sound, error) {
	var entry soundEntry
	if err := strict(raw, &entry); err != nil {
		return nil, err
	}
	wav, err := media.ParseWAV(bytes.NewReader(entry.Audio), int64(len(entry.Audio)))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = media.ErrNotWAV
	}
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	if wav.Codec != media.PCMA || wav.Channels != 1 || wav.SampleRate != 8000 {
		return nil, errors.New("audio: is a WAV file, but not A-law, 8 kHz, mono")
	}
	entry.Duration = ccs.MillisOf(time.Duration(wav.Samples()) * time.Second / 8000)
	entry.Blob = blobOfAudio(entry.Audio)
	a[entry.Blob] = entry.Audio
	return &entry.Sound, nil
}

// blobOfAudio is the id of an imported audio's blob: its content says it, so
// that an import that is repeated makes no second.
func blobOfAudio(audio []byte) string {
	sum := sha256.Sum256(audio)
	return "sound-" + hex.EncodeToString(sum[:16])
}

// keepStored leaves a sound whose audio is that of the store its blob.
func (a audioOf) keepStored(ctx context.Context, blobs store.Blobs, given, stored *ccs.Sound) error {
	if stored == nil || stored.Blob == given.Blob {
		return nil
	}
	audio, err := readBlob(ctx, blobs, stored.Blob)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if bytes.Equal(audio, a[given.Blob]) {
		given.Blob = stored.Blob
	}
	return nil
}

func readBlob(ctx context.Context, blobs store.Blobs, id string) ([]byte, error) {
	blob, err := blobs.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	return io.ReadAll(blob)
}

// write stores the audio of a sound. The blob that the sound had before stays:
// a running server plays it until its next start.
func (a audioOf) write(ctx context.Context, blobs store.Blobs, v *ccs.Sound) error {
	audio, ok := a[v.Blob]
	if !ok {
		return nil // the one that is stored
	}
	w, err := blobs.Create(ctx, v.Blob)
	if err != nil {
		return err
	}
	_, err = w.Write(audio)
	if err == nil {
		err = w.Commit()
	}
	return errors.Join(err, w.Close())
}

// exportSound is a sound as the file has it.
func exportSound(ctx context.Context, blobs store.Blobs, v *ccs.Sound) (json.RawMessage, error) {
	audio, err := readBlob(ctx, blobs, v.Blob)
	if err != nil {
		return nil, fmt.Errorf("sound %s: %w", v.ID, err)
	}
	return object(soundEntry{Sound: *v, Audio: audio}, append([]string{"blob", "duration"}, storeOnly...)...)
}
