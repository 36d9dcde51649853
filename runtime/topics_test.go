package faust

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/broker"
)

// An external topic is its owner's: a worker whose directive says another count never proposes to change or delete it.
func TestAnExternalTopicOfAnotherSize(t *testing.T) {
	topic := &topicPlan{name: "out", kind: declaredTopic, partitions: 3, spec: &TopicSpec{Field: "Out", Name: "out", External: true, Partitions: 2}}
	p := newPlan(&AppSpec{ID: "app"}, &config{})
	for _, have := range []int32{1, 3} {
		err := p.verify(topic, broker.TopicInfo{Partitions: have}, "app")
		if err == nil || strings.Contains(err.Error(), "kafka-topics.sh") || !strings.Contains(err.Error(), "it is external, so write partitions=") {
			t.Errorf("%d partitions: %v", have, err)
		}
	}
}

// fakeAdmin has a topic from its nth look on.
type fakeAdmin struct{ looks, from int }

func (f *fakeAdmin) Topics(context.Context, ...string) (map[string]broker.TopicInfo, error) {
	if f.looks++; f.looks < f.from {
		return nil, nil
	}
	return map[string]broker.TopicInfo{"in": {Partitions: 2}}, nil
}

func (f *fakeAdmin) CreateTopics(context.Context, []broker.NewTopic) error { return nil }

// An external topic that was created a moment ago may not be known to every broker yet: it is waited for, and not for ever.
func TestAnExternalTopicIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		from int
		ok   bool
	}{{1, true}, {4, true}, {1000, false}} {
		synctest.Test(t, func(t *testing.T) {
			spec := &AppSpec{ID: "app", Topics: []TopicSpec{{Field: "In", Name: "in", External: true}}}
			began := time.Now()
			err := newPlan(spec, &config{log: slog.New(slog.DiscardHandler)}).ensureTopics(t.Context(), &fakeAdmin{from: c.from}, "app")
			if (err == nil) != c.ok {
				t.Errorf("known at look %d: %v", c.from, err)
			}
			if took := time.Since(began); c.from == 1 && took > 0 || took > 2*externalWait {
				t.Errorf("known at look %d: waited %v", c.from, took)
			}
		})
	}
}
