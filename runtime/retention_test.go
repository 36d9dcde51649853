package faust

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/broker"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

func TestRetention(t *testing.T) {
	for _, c := range []struct {
		ms, policy string
		want       time.Duration
	}{
		{"604800000", "delete", 7 * 24 * time.Hour},
		{"604800000", "compact,delete", 7 * 24 * time.Hour},
		{"604800000", "compact", 0},
		{"-1", "delete", 0},
		{"9223372036854775807", "delete", 0},
		{"", "", 0},
	} {
		got := retention(broker.TopicInfo{Config: map[string]string{"retention.ms": c.ms, "cleanup.policy": c.policy}})
		if got != c.want {
			t.Errorf("retention.ms=%s, cleanup.policy=%s: %v, want %v", c.ms, c.policy, got, c.want)
		}
	}
}

// What is sent with a time that the topic doesn't keep is told of, once: Kafka would delete it without a word.
func TestOldSendIsToldOf(t *testing.T) {
	var log bytes.Buffer
	p := &plan{opts: &config{log: slog.New(slog.NewTextHandler(&log, nil))}}
	b := &bound{Task: task.New(task.Config{}), plan: p}
	h := &topicHandle[string, string]{task: b, out: b.Output("hours", 1, record.None), plan: &topicPlan{name: "hours", keeps: time.Hour}, oldest: 1000}
	h.add(0, nil, []byte("kept"), 1000, nil, 0, nil)
	if log.Len() > 0 {
		t.Fatalf("told of a time that is kept: %s", log.String())
	}
	h.add(0, nil, []byte("old"), 999, nil, 0, nil)
	h.add(0, nil, []byte("older"), 5, nil, 0, nil)
	if n := strings.Count(log.String(), "retention=forever"); n != 1 {
		t.Errorf("told %d times: %s", n, log.String())
	}
}
