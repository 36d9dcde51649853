package broker

import (
	"math"
	"testing"
)

// A partition's sequence numbers go on at 0 behind 2³¹-1, as brokers count; negative ones would be refused.
func TestSequenceWraps(t *testing.T) {
	part := &producePart{id: producerID{7, 0}, sequence: math.MaxInt32 - 1}
	b := &produceBroker{p: &Producer{}}
	var got []int32
	for _, count := range []int32{3, 2} {
		f := frame{batches: []framed{{part: part, count: count}}}
		if err := b.identify(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
		got = append(got, f.batches[0].sequence)
	}
	if got[0] != math.MaxInt32-1 || got[1] != 1 || part.sequence != 3 {
		t.Errorf("batches begin at %v, the next at %d; want [%d 1] and 3", got, part.sequence, math.MaxInt32-1)
	}
}
