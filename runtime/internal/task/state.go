package task

import "fmt"

// State is where a task is in its life.
//
//	created ─▶ restoring ─▶ running ─▶ closed      and from each of them ─▶ closed
type State int32

// The states of a task.
const (
	Created State = iota
	Restoring
	Running
	Closed
)

var arrows = map[State][]State{Created: {Restoring, Closed}, Restoring: {Running, Closed}, Running: {Closed}}

func (s State) String() string { return [...]string{"created", "restoring", "running", "closed"}[s] }

func (t *Task) become(next State) {
	now := State(t.state.Load())
	for _, s := range arrows[now] {
		if s == next {
			t.state.Store(int32(next))
			if t.cfg.Changed != nil {
				t.cfg.Changed(next)
			}
			return
		}
	}
	panic(fmt.Sprintf("task %s can't go from %v to %v", t.cfg.Name, now, next))
}
