package main

import (
	"os"
	"testing"
)

func TestEmptySettingsAreNotSetAndSwitchesAreOnAndOff(t *testing.T) {
	for name, value := range map[string]string{
		"CARILLON_LOG": "", "CARILLON_DEMO": "on", "CARILLON_ADMIN_PASSWORD": "off", "CARILLON_HTTP": ":80",
	} {
		t.Setenv(name, value)
	}
	if err := tidyEnvironment(); err != nil {
		t.Fatal(err)
	}
	if _, set := os.LookupEnv("CARILLON_LOG"); set {
		t.Error("an empty setting is still set")
	}
	for name, want := range map[string]string{
		"CARILLON_DEMO": "true", "CARILLON_ADMIN_PASSWORD": "off", "CARILLON_HTTP": ":80",
	} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
