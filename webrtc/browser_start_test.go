package webrtc

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// micTone is what a browser's microphone hears, in Hz.
const micTone = 440

// realBrowser is a kind of browser that agents use.
type realBrowser struct {
	name     string
	programs []string // any of them will do
	// arguments are what it is started with. It gets a directory of its own for
	// its profile, must ask nobody, and reach nothing but the page.
	arguments func(t *testing.T, directory, url string) []string
	// loopback tells whether it connects to an address of the loopback interface.
	loopback bool
}

var realBrowsers = []realBrowser{
	{name: "Chromium", programs: []string{"chromium", "chromium-browser", "google-chrome"}, arguments: chromiumArguments, loopback: true},
	{name: "Firefox", programs: []string{"firefox-esr", "firefox"}, arguments: firefoxArguments},
}

func (b *realBrowser) find(t *testing.T) string {
	for _, name := range b.programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("SKIPPED: there is no %s on this machine, so the media connection is NOT tried with it", b.name)
	return ""
}

// run opens a page until stop is called.
func (b *realBrowser) run(t *testing.T, url string) (stop func()) {
	t.Helper()
	directory := t.TempDir()
	command := exec.Command(b.find(t), b.arguments(t, directory, url)...)
	command.Env = append(os.Environ(), "HOME="+directory, "MOZ_CRASHREPORTER_DISABLE=1")
	// Its helpers must end with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		_ = command.Wait()
	}
}

func chromiumArguments(t *testing.T, directory, url string) []string {
	tone := filepath.Join(directory, "tone.wav")
	if err := os.WriteFile(tone, toneWAV(micTone, 2*time.Second), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--use-file-for-fake-audio-capture=" + tone,
		"--autoplay-policy=no-user-gesture-required", "--user-data-dir=" + filepath.Join(directory, "profile"),
		"--remote-debugging-port=0", url,
	}
}

// firefoxPreferences give Firefox a microphone without a question and sound without
// a click, and keep it from calling home.
const firefoxPreferences = `
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.audio.fake_frequency", 440);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.getusermedia.insecure.enabled", true);
user_pref("media.devices.insecure.enabled", true);
user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("media.gmp-manager.url", "");
user_pref("app.normandy.enabled", false);
user_pref("app.update.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.region.network.url", "");
user_pref("browser.safebrowsing.downloads.remote.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.search.update", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("browser.startup.page", 0);
user_pref("browser.topsites.contile.enabled", false);
user_pref("captivedetect.canonicalURL", "");
user_pref("datareporting.healthreport.uploadEnabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("dom.push.connection.enabled", false);
user_pref("extensions.blocklist.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("extensions.systemAddon.update.enabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.dns.disablePrefetch", true);
user_pref("network.prefetch-next", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("toolkit.telemetry.enabled", false);
user_pref("toolkit.telemetry.server", "");
user_pref("toolkit.telemetry.unified", false);
`

func firefoxArguments(t *testing.T, directory, url string) []string {
	profile := filepath.Join(directory, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxPreferences), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--headless", "--no-remote", "--profile", profile, url}
}

// toneWAV is a WAV file of 16-bit samples at 48 kHz.
func toneWAV(frequency float64, length time.Duration) []byte {
	const rate = 48000
	samples := int(length.Seconds() * rate)
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, uint32(36+2*samples))
	b = append(b, "WAVEfmt "...)
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(rate), uint32(2 * rate), uint16(2), uint16(16)} {
		b, _ = binary.Append(b, binary.LittleEndian, v)
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*samples))
	for i := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(8000*math.Sin(2*math.Pi*frequency*float64(i)/rate))))
	}
	return b
}
