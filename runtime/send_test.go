package faust

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/record"
)

// fakeAppender is a producer that takes what it is given, or doesn't, and acknowledges it at once, or refuses it.
type fakeAppender struct {
	mu      sync.Mutex
	closed  error // Append takes nothing
	refused error // done says so
	records int32
}

func (a *fakeAppender) Append(ctx context.Context, builders []*record.Builder, done func(*record.Builder, error)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed != nil {
		return a.closed
	}
	for _, b := range builders {
		a.records += b.Count
		go done(b, a.refused)
	}
	return nil
}

func newTestSender(t *testing.T, a appender, sync bool) (*sender, Topic[string, int]) {
	t.Helper()
	p := newPlan(&AppSpec{ID: "app", Topics: []TopicSpec{{Name: "out", Partitions: 3}}}, &config{log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := p.setCounts(nil); err != nil {
		t.Fatal(err)
	}
	s := newSender(p, a, sync)
	key := codec.StringKey[string]()
	return s, BindTopic(&Binder{plan: p, memo: map[any]any{}, send: s}, "out", &key, intValue())
}

// inTime fails the test if f does not return: the fault looked for is a flush that waits for ever.
func inTime(t *testing.T, f func() error) error {
	t.Helper()
	end := make(chan error, 1)
	go func() { end <- f() }()
	select {
	case err := <-end:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("it never returned")
		return nil
	}
}

// A producer that takes nothing any more, or a broker that refuses, is the error of the flush, once.
func TestFlushErrors(t *testing.T) {
	gone := errors.New("producer is closed")
	for name, a := range map[string]*fakeAppender{"not taken": {closed: gone}, "refused": {refused: gone}} {
		s, out := newTestSender(t, a, false)
		for i := range 5 {
			if err := out.Send(t.Context(), string(rune('a'+i)), i); err != nil {
				t.Errorf("%s: a buffered send returned %v", name, err)
			}
		}
		if err := inTime(t, func() error { return s.flush(t.Context()) }); !errors.Is(err, gone) {
			t.Errorf("%s: flush returned %v", name, err)
		}
		a.mu.Lock()
		a.closed, a.refused = nil, nil
		a.mu.Unlock()
		if err := out.Send(t.Context(), "a", 1); err != nil {
			t.Error(err)
		}
		if err := inTime(t, func() error { return s.flush(t.Context()) }); err != nil {
			t.Errorf("%s: a later flush returned %v", name, err)
		}
	}
}

func TestSendsOutsideTasks(t *testing.T) {
	a := &fakeAppender{}
	_, out := newTestSender(t, a, true)
	if err := out.Send(t.Context(), "a", 1); err != nil || a.records != 1 {
		t.Errorf("a client's send: %v, %d records are acknowledged", err, a.records)
	}
	err := out.SendAll(t.Context(), func(yield func(string, int) bool) {
		for i := range 100 {
			if !yield("k", i) {
				return
			}
		}
	})
	if err != nil || a.records != 101 {
		t.Errorf("SendAll: %v, %d records are acknowledged", err, a.records)
	}
	for want, opt := range map[string]SendOption{
		"partition 3 does not exist, the topic has 3": Partition(3),
		"is before 1970": Time(time.Time{}),
	} {
		if err := out.Send(t.Context(), "a", 1, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want: %s", err, want)
		}
	}
	if a.records != 101 {
		t.Errorf("%d records were sent", a.records)
	}
	if err := (Topic[string, int]{}).Send(t.Context(), "a", 1); !errors.Is(err, errUnbound) {
		t.Errorf("an unbound handle: %v", err)
	}
}
