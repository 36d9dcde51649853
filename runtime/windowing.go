package faust

import "math"

// windowing is the arithmetic of tumbling and hopping windows, in ms. Windows are aligned to 1970: [N*step, N*step+size).
// See Kafka Streams' TimeWindows for the same rules.
type windowing struct{ size, step, grace, expires int64 }

// starts returns the first and the last start of the windows that hold t >= 0. The others lie between them, step apart.
func (w windowing) starts(t int64) (first, last int64) {
	return max(0, t-w.size+w.step) / w.step * w.step, t / w.step * w.step
}

// closed says whether a window takes no event any more at stream time now.
func (w windowing) closed(start, now int64) bool {
	return now != math.MinInt64 && start+w.size <= now-w.grace
}

// expired says whether a window can't be read any more at stream time now.
func (w windowing) expired(start, now int64) bool {
	return now != math.MinInt64 && start+w.size <= now-w.expires
}
