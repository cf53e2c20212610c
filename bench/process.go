package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of CPU times in /proc: USER_HZ, which Linux fixes at
// 100 for programs on all machines that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTime is the user and system time that a process has used, all its threads
// together, to a clockTick.
func cpuTime(pid int) (time.Duration, error) {
	own, _, err := cpuTimes(pid)
	return own, err
}

// cpuTimeOfAll is the same with the programs that the process has run and that
// have ended.
func cpuTimeOfAll(pid int) (time.Duration, error) {
	own, children, err := cpuTimes(pid)
	return own + children, err
}

func cpuTimes(pid int) (own, children time.Duration, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read CPU time: %w", err)
	}
	// The name in parentheses may hold spaces; the fields after it do not.
	_, rest, ok := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 15 {
		return 0, 0, errors.New("read CPU time: /proc has another form than expected")
	}
	var ticks [4]time.Duration // utime, stime, cutime, cstime: proc(5)
	for i := range ticks {
		n, err := strconv.ParseInt(fields[11+i], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("read CPU time: %w", err)
		}
		ticks[i] = time.Duration(n) * clockTick
	}
	return ticks[0] + ticks[1], ticks[2] + ticks[3], nil
}

// ownCPU is the CPU time of this process: the generator's.
func ownCPU() time.Duration {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// resident is how much memory a process has, in bytes.
func resident(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, errors.New("read memory: /proc has another form than expected")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}

// machineTimes are the ticks of all CPUs together since the machine started.
type machineTimes struct{ idle, steal, all time.Duration }

// readMachine reads what the whole machine does, to tell a quiet one from one
// that others use too.
func readMachine() (machineTimes, error) {
	file, err := os.Open("/proc/stat")
	if err != nil {
		return machineTimes{}, fmt.Errorf("read the machine's CPU time: %w", err)
	}
	defer file.Close()
	line, err := bufio.NewReader(file).ReadString('\n')
	fields := strings.Fields(line)
	if err != nil || len(fields) < 9 {
		return machineTimes{}, errors.New("read the machine's CPU time: /proc has another form than expected")
	}
	var m machineTimes
	for i, field := range fields[1:9] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return machineTimes{}, fmt.Errorf("read the machine's CPU time: %w", err)
		}
		t := time.Duration(n) * clockTick
		m.all += t
		switch i {
		case 3, 4: // idle and waiting for a disk
			m.idle += t
		case 7:
			m.steal += t
		}
	}
	return m, nil
}

// gauge reads one value of the server's metrics.
func gauge(ctx context.Context, base, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("read metrics: %w", err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("read metrics: there is no %s", name)
}
