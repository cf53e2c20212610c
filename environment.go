package main

import (
	"os"
	"strings"
)

// tidyEnvironment lets an empty setting mean that it is not set, as container
// files write it, and lets switches be on and off.
func tidyEnvironment() error {
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "CARILLON_") {
			continue
		}
		var err error
		switch {
		case value == "":
			err = os.Unsetenv(name)
		case name == "CARILLON_DEMO" && strings.EqualFold(value, "on"):
			err = os.Setenv(name, "true")
		case name == "CARILLON_DEMO" && strings.EqualFold(value, "off"):
			err = os.Setenv(name, "false")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
