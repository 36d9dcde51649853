package faust

import (
	"strings"
	"testing"

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
