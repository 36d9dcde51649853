package faust

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// App is an application, as generated code declares it. One App can be run once at a time; it holds no state of a run.
type App struct{ spec AppSpec }

// NewApp makes an application of its declaration. It is for generated code only.
func NewApp(spec AppSpec) *App { return &App{spec: spec} }

// Spec is the application's declaration. The slices are the App's own: don't change them.
func (a *App) Spec() *AppSpec { return &a.spec }

// Run runs a worker of the application until ctx ends; then it finishes the events in hand, commits, leaves the group, and returns nil.
// It returns an error when the worker can't start or has to stop: an event failed under on_error=fail, a timer failed, a topic does not
// have the partitions it must have, the data directory is in use.
//
// Run may be called by one goroutine at a time for one data directory.
func (a *App) Run(ctx context.Context, opts ...Option) error {
	c, err := newConfig(opts)
	if err != nil {
		return err
	}
	return newWorker(a, c).run(ctx)
}

// Topology lists what the application reads, keeps and writes on the broker, with the names that opts lead to. Partition counts that
// only the broker knows are 0.
func (a *App) Topology(opts ...Option) ([]TopicUse, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	p := newPlan(&a.spec, c)
	_ = p.setCounts(nil)
	var uses []TopicUse
	for _, name := range sortedKeys(p.topics) {
		t := p.topics[name]
		u := TopicUse{Name: name, Kind: string(t.kind), Owner: t.owner, Partitions: int(t.partitions), Settings: t.settings()}
		if !p.countKnown(t) {
			u.Partitions = 0
		}
		if t.spec != nil {
			u.Spec = t.spec
		}
		u.ACLs = p.acls(t)
		uses = append(uses, u)
	}
	return uses, nil
}

// countKnown says whether a topic's partition count follows from the declaration alone: not if it hangs on an external topic without one.
func (p *plan) countKnown(t *topicPlan) bool {
	if t.spec != nil {
		return !t.spec.External || t.spec.Partitions > 0
	}
	for _, g := range t.component.groups {
		if g.tables[0].Partitions > 0 {
			return true
		}
	}
	for _, a := range t.component.agents {
		for _, s := range a.sources {
			if !p.countKnown(p.topics[s]) {
				return false
			}
		}
	}
	return true
}

// TopicUse is one topic of Topology.
type TopicUse struct {
	Name       string
	Kind       string // declared, repartition or changelog
	Owner      string // the field, agent or table it belongs to
	Partitions int
	Settings   map[string]string // topic configs that it must have
	ACLs       []string          // operations that the worker's user needs on it
	Spec       *TopicSpec        // of a declared one
}

// acls are the operations that the worker's user needs on a topic.
func (p *plan) acls(t *topicPlan) []string {
	need := map[string]bool{"Describe": true, "DescribeConfigs": true}
	if t.spec == nil || !t.spec.External {
		need["Create"] = true
	}
	if t.read || t.kind != declaredTopic {
		need["Read"] = true
	}
	if t.kind != declaredTopic || p.writes(t.spec.Name) {
		need["Write"] = true
	}
	if t.kind == repartitionTopic {
		need["Delete"] = true // of records that have been read
	}
	return slices.Sorted(maps.Keys(need))
}

// writes says whether some function may send to a declared topic. A function that takes the topics struct may send to all of them.
func (p *plan) writes(topic string) bool {
	for i := range p.spec.Agents {
		if a := &p.spec.Agents[i]; a.Sink == topic || a.UsesTopics && a.Sink == "" {
			return true
		}
	}
	return len(p.spec.Timers)+len(p.spec.Tasks)+len(p.spec.Commands)+len(p.spec.Closers) > 0
}

// Group is the name of the application's consumer group.
func (a *App) Group(opts ...Option) (string, error) {
	c, err := newConfig(opts)
	if err != nil {
		return "", err
	}
	return newPlan(&a.spec, c).group(), nil
}

func (p *plan) group() string { return strings.TrimSpace(p.opts.topicPrefix + p.id) }
