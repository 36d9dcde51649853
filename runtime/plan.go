package faust

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// plan is an application with its names resolved and its agents grouped into components, the units of partitioned work. It is made from
// the declaration alone; setCounts adds the partition counts that the broker knows. After that it doesn't change.
type plan struct {
	spec *AppSpec
	opts *config
	id   string // the group's name, and the prefix of internal topics

	agents     map[string]*agentPlan
	groups     map[string]*groupPlan
	topics     map[string]*topicPlan // by actual name
	components []*component
	tables     map[string]*TableSpec
}

// agentPlan is one agent with its topics' actual names.
type agentPlan struct {
	spec        *AgentSpec
	sources     []string // the topics it reads, or that are repartitioned for it, by name
	repartition string   // "" without group_by
	group       *groupPlan
	plan        *plan
}

func (a *agentPlan) repartitioned() bool { return a.repartition != "" }

// inputs are the topics that the agent's body reads.
func (a *agentPlan) inputs() []string {
	if a.repartitioned() {
		return []string{a.repartition}
	}
	return a.sources
}

// sourceIndex numbers the source partitions of a group_by: topics by name, then partitions.
func (a *agentPlan) sourceIndex(tp record.TopicPartition) int {
	n := int32(0)
	for _, s := range a.sources {
		if s == tp.Topic {
			return int(n + tp.Partition)
		}
		n += a.plan.partitions(s)
	}
	return -1
}

func (a *agentPlan) sourceCount() int {
	n := int32(0)
	for _, s := range a.sources {
		n += a.plan.partitions(s)
	}
	return int(n)
}

// basis is one way of telling the time of an event: all windowed tables of a struct that share one share a clock.
type basis struct {
	timeBy string
	idle   time.Duration
}

// groupPlan is one tables struct.
type groupPlan struct {
	name      string
	tables    []*TableSpec
	bases     []basis // of its windowed tables
	component *component
}

// component is a set of topics and tables whose partitions go together: task p of a component has partition p of each.
type component struct {
	name       string
	inputs     []string // topics, by name
	groups     []*groupPlan
	agents     []*agentPlan // whose bodies run here
	partitions int32
}

// agentOf is an agent that may change a table, for messages; nil if only timers and tasks do.
func (c *component) agentOf(table string) *agentPlan {
	for _, a := range c.agents {
		if a.group != nil && slices.ContainsFunc(a.group.tables, func(t *TableSpec) bool { return t.Name == table }) {
			return a
		}
	}
	return nil
}

// topicKind is what a topic is for.
type topicKind string

const (
	declaredTopic    topicKind = "declared"
	repartitionTopic topicKind = "repartition"
	changelogTopic   topicKind = "changelog"
)

// topicPlan is one topic that the application reads or writes.
type topicPlan struct {
	name       string // actual
	kind       topicKind
	spec       *TopicSpec // of a declared one
	owner      string     // agent or table
	read       bool       // some agent reads it
	partitions int32      // 0 until known
	component  *component // of a repartition topic or changelog: which must have as many partitions
	keeps      time.Duration
	warned     sync.Once
}

func newPlan(spec *AppSpec, opts *config) *plan {
	p := &plan{spec: spec, opts: opts, id: appID(spec, opts), agents: map[string]*agentPlan{}, groups: map[string]*groupPlan{},
		topics: map[string]*topicPlan{}, tables: map[string]*TableSpec{}}
	for i := range spec.Topics {
		t := &spec.Topics[i]
		p.topics[p.actual(t.Name)] = &topicPlan{name: p.actual(t.Name), kind: declaredTopic, spec: t, owner: t.Field}
	}
	for i := range spec.Tables {
		p.addTable(&spec.Tables[i])
	}
	for i := range spec.Agents {
		p.addAgent(&spec.Agents[i])
	}
	p.connect()
	for _, t := range p.tables {
		name := p.changelog(t.Name)
		p.topics[name] = &topicPlan{name: name, kind: changelogTopic, owner: t.Name, component: p.groups[t.Struct].component}
	}
	return p
}

func appID(spec *AppSpec, opts *config) string {
	id := spec.ID
	if opts.appID != "" {
		id = opts.appID
	}
	if spec.Version > 1 {
		id += "-v" + strconv.Itoa(spec.Version)
	}
	return id
}

// actual is the name on the broker of a declared topic.
func (p *plan) actual(name string) string {
	if to, ok := p.opts.topics[name]; ok {
		return to
	}
	return p.opts.topicPrefix + name
}

func (p *plan) changelog(table string) string {
	return p.opts.topicPrefix + p.id + "-" + table + "-changelog"
}

func (p *plan) addTable(t *TableSpec) {
	p.tables[t.Name] = t
	g := p.groups[t.Struct]
	if g == nil {
		g = &groupPlan{name: t.Struct}
		p.groups[t.Struct] = g
	}
	g.tables = append(g.tables, t)
	if t.Window != nil {
		if b := (basis{t.Window.TimeBy, t.Window.Idle}); !slices.Contains(g.bases, b) {
			g.bases = append(g.bases, b)
		}
	}
}

func (p *plan) addAgent(s *AgentSpec) {
	a := &agentPlan{spec: s, plan: p}
	for _, name := range s.Topics {
		a.sources = append(a.sources, p.actual(name))
		p.topics[p.actual(name)].read = true
	}
	sort.Strings(a.sources)
	if len(s.Tables) > 0 {
		a.group = p.groups[s.Tables[0]]
	}
	if s.GroupBy != "" {
		a.repartition = p.opts.topicPrefix + p.id + "-" + s.Name + "-repartition"
		p.topics[a.repartition] = &topicPlan{name: a.repartition, kind: repartitionTopic, owner: s.Name, read: true}
	}
	p.agents[s.Name] = a
}

// connect finds the components: topics that one body reads, and the tables it takes, belong together.
func (p *plan) connect() {
	parent := map[string]string{}
	var find func(string) string
	find = func(x string) string {
		if parent[x] == "" || parent[x] == x {
			parent[x] = x
			return x
		}
		return find(parent[x])
	}
	union := func(a, b string) { parent[find(a)] = find(b) }
	const tables = "\x00" // no topic's name begins so
	for name, t := range p.topics {
		if t.read {
			find(name)
		}
	}
	for name := range p.groups {
		find(tables + name)
	}
	for _, a := range p.agents {
		if a.group == nil {
			continue // each of its topics may have its own tasks
		}
		for _, in := range a.inputs() {
			union(tables+a.group.name, in)
		}
	}
	byRoot := map[string]*component{}
	for _, node := range sortedKeys(parent) {
		root := find(node)
		c := byRoot[root]
		if c == nil {
			c = &component{}
			byRoot[root] = c
			p.components = append(p.components, c)
		}
		if group, ok := strings.CutPrefix(node, tables); ok {
			c.groups = append(c.groups, p.groups[group])
			p.groups[group].component = c
		} else {
			c.inputs = append(c.inputs, node)
		}
	}
	for _, name := range sortedKeys(p.agents) {
		a := p.agents[name]
		for _, in := range a.inputs() {
			if c := byRoot[find(in)]; !slices.Contains(c.agents, a) {
				c.agents = append(c.agents, a)
			}
		}
		if a.repartitioned() {
			p.topics[a.repartition].component = byRoot[find(a.repartition)]
		}
	}
	for _, c := range p.components {
		c.name = c.title()
	}
	slices.SortFunc(p.components, func(a, b *component) int { return strings.Compare(a.name, b.name) })
}

// title names a component by what it keeps, else by what it reads: names that don't depend on the order of declarations.
func (c *component) title() string {
	if len(c.groups) == 0 {
		return strings.Join(c.inputs, "+")
	}
	var names []string
	for _, g := range c.groups {
		names = append(names, g.name)
	}
	return strings.Join(names, "+")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// setCounts decides how many partitions every topic and component has. have are the counts of the topics that exist.
func (p *plan) setCounts(have map[string]int32) error {
	for _, name := range sortedKeys(p.topics) {
		t := p.topics[name]
		if t.kind == declaredTopic {
			if t.partitions = have[name]; t.partitions == 0 {
				t.partitions = p.wanted(t.spec)
			}
		}
	}
	for _, c := range p.components {
		c.partitions = p.componentCount(c)
		for _, in := range c.inputs {
			if t := p.topics[in]; t.kind == repartitionTopic {
				t.partitions = c.partitions
			} else if len(c.groups) > 0 && t.partitions != c.partitions {
				return p.unequal(c, t)
			}
		}
	}
	for _, t := range p.topics {
		if t.kind == changelogTopic {
			t.partitions = t.component.partitions
		}
	}
	return nil
}

// wanted is how many partitions a declared topic gets if it is created.
func (p *plan) wanted(t *TopicSpec) int32 {
	switch {
	case t.Partitions > 0:
		return int32(t.Partitions)
	case p.spec.Partitions > 0:
		return int32(p.spec.Partitions)
	}
	return 8
}

// componentCount is a component's number of tasks: what its tables say, else the largest topic that is read as it is, else the largest
// that is repartitioned for it.
func (p *plan) componentCount(c *component) int32 {
	said, direct, behind := int32(0), int32(0), int32(0)
	for _, g := range c.groups {
		said = max(said, int32(g.tables[0].Partitions))
	}
	for _, in := range c.inputs {
		if t := p.topics[in]; t.kind == declaredTopic {
			direct = max(direct, t.partitions)
		}
	}
	for _, a := range c.agents {
		if a.repartitioned() {
			for _, s := range a.sources {
				behind = max(behind, p.topics[s].partitions)
			}
		}
	}
	// Tables that only timers use have no topic at all.
	return cmp.Or(said, direct, behind, p.wanted(&TopicSpec{}))
}

func (p *plan) unequal(c *component, t *topicPlan) error {
	var agents []string
	for _, a := range c.agents {
		if slices.Contains(a.inputs(), t.name) {
			agents = append(agents, a.spec.Func)
		}
	}
	return fmt.Errorf("topic %s has %d partitions, the tables of %s have %d: agent %s needs both equal; give it group_by=, or make the topic "+
		"anew with %d partitions", t.name, t.partitions, c.name, c.partitions, strings.Join(agents, ", "), c.partitions)
}

// partitions is the number of partitions of a topic, by its actual name; 0 if it isn't known.
func (p *plan) partitions(topic string) int32 {
	if t := p.topics[topic]; t != nil {
		return t.partitions
	}
	return 0
}

func (p *plan) table(name string) *TableSpec { return p.tables[name] }

var compressions = map[string]record.Compression{"none": record.None, "gzip": record.Gzip, "snappy": record.Snappy, "lz4": record.LZ4, "zstd": record.Zstd}

// compression is that of a declared topic's batches, by its declared name; lz4 unless it says otherwise.
func (p *plan) compression(name string) record.Compression { return p.compressionOf(p.actual(name)) }

func (p *plan) compressionOf(topic string) record.Compression {
	if t := p.topics[topic]; t != nil && t.spec != nil && t.spec.Compression != "" {
		return compressions[t.spec.Compression]
	}
	return record.LZ4
}

// settings are the topic configs that a topic of ours must have.
func (t *topicPlan) settings() map[string]string {
	switch t.kind {
	case repartitionTopic:
		return map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "segment.bytes": "52428800",
			"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": "9223372036854775807"}
	case changelogTopic:
		return map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": strconv.FormatInt(task.CompactionLag.Milliseconds(), 10),
			"message.timestamp.type": "CreateTime"}
	}
	s := map[string]string{}
	if t.spec.Compact {
		s["cleanup.policy"] = "compact"
	}
	switch r := t.spec.Retention; {
	case r < 0:
		s["retention.ms"] = "-1"
	case r > 0:
		s["retention.ms"] = strconv.FormatInt(r.Milliseconds(), 10)
		if t.spec.Compact {
			s["cleanup.policy"] = "compact,delete"
		}
	}
	return s
}
