package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	configurationFormat  = "carillon-configuration"
	configurationVersion = 1
	// maxConfiguration bounds a file that is imported, in bytes: it is held in
	// memory.
	maxConfiguration = 512 << 20
)

// Configuration is the file of export and import: what administrators set up,
// by kind. Each object has the fields that it has in the store but those that
// only the store knows (revision, created, updated); a sound has its audio
// in their place, as WAV in base64. Objects are in the order of their ids, so
// that two files can be compared line by line.
type Configuration struct {
	Format       string            `json:"format"`
	Version      int               `json:"version"`
	Numbers      []json.RawMessage `json:"numbers"`
	Plans        []json.RawMessage `json:"plans"`
	PlanVersions []json.RawMessage `json:"planVersions"` // the published ones
	Menus        []json.RawMessage `json:"menus"`
	Queues       []json.RawMessage `json:"queues"`
	VoiceTexts   []json.RawMessage `json:"voiceTexts"`
	Sounds       []json.RawMessage `json:"sounds"`
	Agents       []json.RawMessage `json:"agents"`
	Users        []json.RawMessage `json:"users"`
	Lines        []json.RawMessage `json:"lines"`
	Trunks       []json.RawMessage `json:"trunks"`
}

// ReadConfiguration reads a file; that it is one, not that what it has in it is
// good.
func ReadConfiguration(r io.Reader) (*Configuration, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxConfiguration+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if len(data) > maxConfiguration {
		return nil, fmt.Errorf("read the configuration: it has more than %d MB", maxConfiguration>>20)
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("read the configuration: %s%w", place(data, err), err)
	}
	switch {
	case head.Format != configurationFormat:
		return nil, fmt.Errorf("read the configuration: format: is %q, not %q", head.Format, configurationFormat)
	case head.Version > configurationVersion:
		return nil, fmt.Errorf("read the configuration: version: %d is of a newer Carillon; this one reads up to %d", head.Version, configurationVersion)
	case head.Version < 1:
		return nil, fmt.Errorf("read the configuration: version: %d is below 1", head.Version)
	}
	var c Configuration
	if err := strict(data, &c); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return &c, nil
}

// strict refuses fields that into does not have.
func strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// place is where in the file a JSON error is.
func place(data []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	before := data[:min(int(syntax.Offset), len(data))]
	return fmt.Sprintf("line %d: ", 1+bytes.Count(before, []byte("\n")))
}
