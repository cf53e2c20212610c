package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"
)

const (
	// readyTime is how long a server may take to say that it is ready.
	readyTime = time.Minute
	// quietTime is how long it may be busy after that, with speaking its
	// prompts for the first time, before it is measured anyway.
	quietTime = time.Minute
	// quietSpan is how long it must have used next to nothing.
	quietSpan = time.Second
	// stopTime is how long it may take to stop before it is killed.
	stopTime = 15 * time.Second
)

// serverProcess is the server under measurement.
type serverProcess struct {
	command   *exec.Cmd
	http, sip string // addresses
	done      chan struct{}
	reader    sync.WaitGroup
}

// readyLine is how a server says in its log where it listens.
var readyLine = regexp.MustCompile(`msg="carillon is ready" http=(\S+) sip=(\S+) `)

// startServer runs a server on loopback, on ports that the system chooses, with
// the store in folder.
func startServer(ctx context.Context, command []string, folder string) (*serverProcess, error) {
	s := &serverProcess{done: make(chan struct{})}
	s.command = exec.Command(command[0], command[1:]...)
	s.command.Dir = folder
	s.command.Env = append(os.Environ(),
		"CARILLON_DATA="+folder, "CARILLON_STORE=", "CARILLON_HTTP=127.0.0.1:0", "CARILLON_DOMAIN=", "CARILLON_SIP=127.0.0.1:0",
		"CARILLON_WEBRTC_PORT=127.0.0.1:0", "CARILLON_PUBLIC_IP=127.0.0.1", "CARILLON_DEMO=false", "CARILLON_TRUNKS=127.0.0.1", "CARILLON_LOG=info",
	)
	// Ctrl-C is for the measurement alone, which then stops the server.
	s.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, err := s.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	s.reader.Go(func() { s.read(output, ready) })
	go func() {
		s.reader.Wait() // exec wants the pipe read before Wait
		_ = s.command.Wait()
		close(s.done)
	}()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(readyTime):
		err = fmt.Errorf("it was not ready after %v", readyTime)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// read waits for the line that says where the server listens and drops the rest
// of its log.
func (s *serverProcess) read(output io.Reader, ready chan<- error) {
	lines := bufio.NewScanner(output)
	last := "it said nothing"
	for lines.Scan() {
		if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
			s.http, s.sip = "http://"+m[1], m[2]
			ready <- nil
			break
		}
		last = lines.Text()
	}
	if s.http == "" {
		ready <- errors.New("it ended: " + last)
	}
	_, _ = io.Copy(io.Discard, output)
}

func (s *serverProcess) pid() int { return s.command.Process.Pid }

// settle waits until the server has nothing left to do: at its first start it
// has its prompts spoken.
func (s *serverProcess) settle(ctx context.Context) error {
	limit := time.Now().Add(quietTime)
	for time.Now().Before(limit) {
		before, err := cpuTimeOfAll(s.pid())
		if err != nil {
			return err
		}
		if err := sleep(ctx, quietSpan); err != nil {
			return err
		}
		after, err := cpuTimeOfAll(s.pid())
		if err != nil {
			return err
		}
		if after-before <= 3*clockTick {
			return nil
		}
	}
	return nil
}

// stop ends the server and waits for its end.
func (s *serverProcess) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(stopTime):
		_ = s.command.Process.Kill()
		<-s.done
	}
}
