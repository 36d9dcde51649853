//go:build unix

// Package proc starts one worker process and says afterwards what it cost, and reads what others have cost meanwhile.
// It knows nothing of Kafka. It starts no goroutine: whoever owns a Process polls Ended and calls Stop at the end.
package proc

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Process is a running worker in a process group of its own, so that the terminal's Ctrl-C does not reach it.
type Process struct {
	Began time.Time

	pid   int
	log   string
	usage *Usage // set once the process has been waited for
}

// Usage is what a process cost from its start to its end.
type Usage struct {
	Wall    time.Duration
	CPU     time.Duration // user and system, of the process and the children it waited for
	PeakRSS int64         // bytes, of the process or the largest child it waited for
	Exit    string        // "0", another exit code, or the signal that ended it
}

// Command is what to start. Dir "" is the caller's working directory; Log is the file to which all output is appended.
type Command struct {
	Path string
	Args []string
	Dir  string
	Log  string
}

// Start starts the command with the caller's environment and no input.
func Start(c Command) (*Process, error) {
	out, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", c.Path, err)
	}
	defer out.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	began := time.Now()
	p, err := os.StartProcess(c.Path, append([]string{c.Path}, c.Args...), &os.ProcAttr{
		Dir: c.Dir, Files: []*os.File{null, out, out}, Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	pid := p.Pid
	// wait4 is called by Ended and Stop, not by os.Process: both would be one too many.
	if err := p.Release(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	return &Process{Began: began, pid: pid, log: c.Log}, nil
}

// Ended tells, without waiting, whether the process has ended.
func (p *Process) Ended() bool {
	if p.usage != nil {
		return true
	}
	var status syscall.WaitStatus
	var used syscall.Rusage
	pid, err := syscall.Wait4(p.pid, &status, syscall.WNOHANG, &used)
	switch {
	case err == nil && pid == p.pid:
		p.usage = &Usage{Wall: time.Since(p.Began), CPU: cpuOf(&used), PeakRSS: int64(used.Maxrss) * rssUnit, Exit: exitOf(status)}
	case err != nil && err != syscall.EINTR:
		p.usage = &Usage{Wall: time.Since(p.Began), Exit: "lost: " + err.Error()}
	}
	return p.usage != nil
}

// Stop asks the process to end (SIGTERM), kills its group after limit, and returns what it cost.
// Stopping an ended process only returns that.
func (p *Process) Stop(limit time.Duration) Usage {
	deadline := time.Now().Add(limit)
	if !p.Ended() {
		_ = syscall.Kill(p.pid, syscall.SIGTERM) // it may end in this very moment: then there is nothing to signal
	}
	for !p.Ended() {
		if time.Now().After(deadline) {
			p.Kill()
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	return *p.usage
}

// Kill ends the process group at once and waits for it.
func (p *Process) Kill() {
	for !p.Ended() {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		time.Sleep(2 * time.Millisecond)
	}
}

// Tail returns the last n lines of the process's output.
func (p *Process) Tail(n int) string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// rssUnit is what getrusage counts the resident set in: kilobytes, on macOS bytes.
var rssUnit = map[bool]int64{true: 1, false: 1024}[runtime.GOOS == "darwin"]

func exitOf(s syscall.WaitStatus) string {
	if s.Signaled() {
		return s.Signal().String()
	}
	return fmt.Sprint(s.ExitStatus())
}

func cpuOf(u *syscall.Rusage) time.Duration {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
