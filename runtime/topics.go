package faust

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/broker"
)

// topicAdmin is what preparing the topics needs of the broker.
type topicAdmin interface {
	Topics(ctx context.Context, names ...string) (map[string]broker.TopicInfo, error)
	CreateTopics(ctx context.Context, topics []broker.NewTopic) error
}

// ensureTopics brings the plan and the broker together: it learns the partition counts, creates what is absent, and compares what is
// there with what must be.
func (p *plan) ensureTopics(ctx context.Context, admin topicAdmin, program string) error {
	names := sortedKeys(p.topics)
	have, err := p.describe(ctx, admin, names)
	if err != nil {
		return err
	}
	counts := map[string]int32{}
	for name, info := range have {
		counts[name] = info.Partitions
	}
	if err := p.setCounts(counts); err != nil {
		return err
	}
	var create []broker.NewTopic
	for _, name := range names {
		t := p.topics[name]
		info, ok := have[name]
		if ok {
			if err := p.verify(t, info, program); err != nil {
				return err
			}
			t.keeps = retention(info)
			continue
		}
		if t.spec != nil && t.spec.External {
			return fmt.Errorf("topic %s does not exist, and is declared external: whoever owns it has to create it; or take `external` away "+
				"from its //faust:topic", name)
		}
		n := broker.NewTopic{Name: name, Partitions: t.partitions, Replicas: -1, Config: t.settings()}
		if t.spec != nil && t.spec.Replicas > 0 {
			n.Replicas = t.spec.Replicas
		}
		create = append(create, n)
	}
	if len(create) == 0 {
		return nil
	}
	for _, n := range create {
		p.opts.log.Info("topic created", "topic", n.Name, "partitions", n.Partitions)
	}
	if err := admin.CreateTopics(ctx, create); err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	return p.agree(ctx, admin, create)
}

// externalWait is how long an external topic may be missing: one that was created a moment ago is not known to every broker at once.
const externalWait = 3 * time.Second

// describe asks for the topics that exist, for a while if external ones are missing.
func (p *plan) describe(ctx context.Context, admin topicAdmin, names []string) (map[string]broker.TopicInfo, error) {
	for began := time.Now(); ; {
		have, err := admin.Topics(ctx, names...)
		if err != nil {
			return nil, fmt.Errorf("describe the topics: %w", err)
		}
		missing := slices.ContainsFunc(names, func(name string) bool {
			t := p.topics[name]
			_, ok := have[name]
			return !ok && t.spec != nil && t.spec.External
		})
		if !missing || time.Since(began) >= externalWait {
			return have, nil
		}
		select {
		case <-time.After(externalWait / 10):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// agree makes sure that the topics just created are as large as planned: another worker may have been first, with another idea.
func (p *plan) agree(ctx context.Context, admin topicAdmin, created []broker.NewTopic) error {
	var names []string
	for _, n := range created {
		names = append(names, n.Name)
	}
	have, err := admin.Topics(ctx, names...)
	if err != nil {
		return fmt.Errorf("describe the topics: %w", err)
	}
	for _, n := range created {
		p.topics[n.Name].keeps = retention(have[n.Name])
		if info, ok := have[n.Name]; ok && info.Partitions != n.Partitions {
			return fmt.Errorf("topic %s was created by another worker at the same time with %d partitions instead of %d; run workers of the "+
				"same version", n.Name, info.Partitions, n.Partitions)
		}
	}
	return nil
}

// retention is how long a topic keeps its records, by their own time; 0 if it never deletes them by age.
func retention(info broker.TopicInfo) time.Duration {
	ms, err := strconv.ParseInt(info.Config["retention.ms"], 10, 64)
	if err != nil || ms < 0 || ms > math.MaxInt64/int64(time.Millisecond) || !strings.Contains(info.Config["cleanup.policy"], "delete") {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// warnOld says, once for each topic, that the broker is about to delete what is sent.
func (t *topicPlan) warnOld(log *slog.Logger, at int64) {
	t.warned.Do(func() {
		log.Warn("the broker will delete what is sent: its event time is older than what the topic keeps; give the topic retention=forever, "+
			"or send with faust.Time", "topic", t.name, "time", time.UnixMilli(at).UTC(), "keeps", t.keeps)
	})
}

// verify compares an existing topic with what it must be.
func (p *plan) verify(t *topicPlan, have broker.TopicInfo, program string) error {
	bootstrap := strings.Join(p.opts.brokers, ",")
	want := t.partitions
	if t.spec != nil && t.spec.Partitions > 0 {
		want = int32(t.spec.Partitions)
	}
	if have.Partitions != want {
		switch {
		case t.kind != declaredTopic:
			return fmt.Errorf("topic %s has %d partitions, this application needs %d; its content is only this application's: "+
				"`%s reset --internal-topics --local` deletes it and it is made anew", t.name, have.Partitions, want, program)
		case t.spec.External:
			return fmt.Errorf("topic %s has %d partitions, //faust:topic says %d: it is external, so write partitions=%d",
				t.name, have.Partitions, want, have.Partitions)
		case have.Partitions < want:
			return fmt.Errorf("topic %s has %d partitions, //faust:topic says %d: `kafka-topics.sh --bootstrap-server %s --alter --topic %s "+
				"--partitions %d` adds them (keys move), or write partitions=%d", t.name, have.Partitions, want, bootstrap, t.name, want, have.Partitions)
		}
		return fmt.Errorf("topic %s has %d partitions, //faust:topic says %d, and partitions can't be taken away: write partitions=%d, or "+
			"`kafka-topics.sh --bootstrap-server %s --delete --topic %s` and start again", t.name, have.Partitions, want, have.Partitions, bootstrap, t.name)
	}
	if t.spec != nil && t.spec.Replicas > 0 && have.Replicas > 0 && have.Replicas != t.spec.Replicas {
		return fmt.Errorf("topic %s has %d replicas, //faust:topic says %d: `kafka-reassign-partitions.sh` changes them, or write replicas=%d",
			t.name, have.Replicas, t.spec.Replicas, have.Replicas)
	}
	settings := t.settings()
	for _, key := range sortedKeys(settings) {
		got, known := have.Config[key]
		if !known || got == settings[key] || key == "segment.bytes" {
			continue
		}
		return fmt.Errorf("topic %s has %s=%s, this application needs %s: `kafka-configs.sh --bootstrap-server %s --alter --entity-type topics "+
			"--entity-name %s --add-config %s=[%s]` mends it", t.name, key, got, settings[key], bootstrap, t.name, key, settings[key])
	}
	return nil
}
