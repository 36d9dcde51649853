//go:build unix

package proc

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of /proc's CPU times, USER_HZ, which is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// Self is the CPU time that this process has used, without its children.
func Self() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return cpuOf(&used)
}

// CPU is what a running process has used so far; 0 where there is no /proc.
func CPU(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return parseStat(string(text))
}

// parseStat reads user and system time of a /proc/<pid>/stat line. The command in parentheses may hold anything.
func parseStat(text string) time.Duration {
	_, rest, ok := strings.Cut(text[strings.LastIndexByte(text, ')')+1:], " ")
	f := strings.Fields(rest)
	if !ok || len(f) < 13 {
		return 0
	}
	return ticks(f[11]) + ticks(f[12])
}

// Busy is the CPU time that the whole machine has spent on anything but waiting, since it started; 0 without /proc.
func Busy() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return parseBusy(string(text))
}

// parseBusy adds user, nice, system, irq and softirq of /proc/stat's first line.
func parseBusy(text string) time.Duration {
	line, _, _ := strings.Cut(text, "\n")
	f := strings.Fields(line)
	if len(f) < 8 || f[0] != "cpu" {
		return 0
	}
	return ticks(f[1]) + ticks(f[2]) + ticks(f[3]) + ticks(f[6]) + ticks(f[7])
}

func ticks(s string) time.Duration {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * tick
}

// Machine describes where the measurement was made: cores, memory and kernel.
func Machine() string {
	s := fmt.Sprintf("%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if model := field(string(text), "model name"); model != "" {
			s += ", " + model
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		if kb, err := strconv.ParseInt(strings.TrimSuffix(field(string(text), "MemTotal"), " kB"), 10, 64); err == nil {
			s += fmt.Sprintf(", %.0f GiB", float64(kb)/(1<<20))
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		s += ", kernel " + strings.TrimSpace(string(text))
	}
	return s
}

// field returns what follows "name:" in the first line that begins with it.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
