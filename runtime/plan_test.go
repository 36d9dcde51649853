package faust

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

func planOf(t *testing.T, spec *AppSpec, have map[string]int32) (*plan, error) {
	t.Helper()
	p := newPlan(spec, &config{log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	return p, p.setCounts(have)
}

// shape is the components in short: name, partitions, inputs with theirs.
func (p *plan) shape() (all []string) {
	for _, c := range p.components {
		s := fmt.Sprintf("%s %d:", c.name, c.partitions)
		for _, in := range c.inputs {
			s += fmt.Sprintf(" %s=%d", in, p.partitions(in))
		}
		all = append(all, s)
	}
	return all
}

func TestComponents(t *testing.T) {
	agent := func(name string, topics []string, tables ...string) AgentSpec {
		return AgentSpec{Name: name, Func: strings.ToUpper(name[:1]) + name[1:], Topics: topics, Tables: tables}
	}
	grouped := func(a AgentSpec) AgentSpec { a.GroupBy = "Key"; return a }
	topic := func(name string, n int) TopicSpec { return TopicSpec{Name: name, Partitions: n} }
	for _, c := range []struct {
		name string
		spec AppSpec
		have map[string]int32
		want []string
		err  string
	}{
		{"an agent alone", AppSpec{Topics: []TopicSpec{topic("a", 3)}, Agents: []AgentSpec{agent("x", []string{"a"})}}, nil, []string{"a 3: a=3"}, ""},
		{"what the broker has counts", AppSpec{Topics: []TopicSpec{topic("a", 3)}, Agents: []AgentSpec{agent("x", []string{"a"})}}, map[string]int32{"a": 5}, []string{"a 5: a=5"}, ""},
		{"the application's partitions", AppSpec{Partitions: 2, Topics: []TopicSpec{topic("a", 0)}, Agents: []AgentSpec{agent("x", []string{"a"})}}, nil, []string{"a 2: a=2"}, ""},
		{"eight otherwise", AppSpec{Topics: []TopicSpec{topic("a", 0)}, Agents: []AgentSpec{agent("x", []string{"a"})}}, nil, []string{"a 8: a=8"}, ""},
		{"two topics of an agent with tables go together", AppSpec{Topics: []TopicSpec{topic("a", 3), topic("b", 3)},
			Tables: []TableSpec{{Struct: "T", Name: "t"}}, Agents: []AgentSpec{agent("x", []string{"a", "b"}, "T")}}, nil, []string{"T 3: a=3 b=3"}, ""},
		{"and must be as large", AppSpec{Topics: []TopicSpec{topic("a", 3), topic("b", 4)},
			Tables: []TableSpec{{Struct: "T", Name: "t"}}, Agents: []AgentSpec{agent("x", []string{"a", "b"}, "T")}}, nil, nil, "topic a has 3 partitions, the tables of T have 4: agent X"},
		{"behind a group_by there are as many as the largest source has", AppSpec{Topics: []TopicSpec{topic("a", 3), topic("b", 4)},
			Tables: []TableSpec{{Struct: "T", Name: "t"}}, Agents: []AgentSpec{grouped(agent("x", []string{"a", "b"}, "T"))}}, nil,
			[]string{"T 4: app-x-repartition=4", "a 3: a=3", "b 4: b=4"}, ""},
		{"or as many as the tables say", AppSpec{Topics: []TopicSpec{topic("a", 3)},
			Tables: []TableSpec{{Struct: "T", Name: "t", Partitions: 7}}, Agents: []AgentSpec{grouped(agent("x", []string{"a"}, "T"))}}, nil,
			[]string{"T 7: app-x-repartition=7", "a 3: a=3"}, ""},
		{"two structs of one topic", AppSpec{Topics: []TopicSpec{topic("a", 3)},
			Tables: []TableSpec{{Struct: "T", Name: "t"}, {Struct: "U", Name: "u"}}, Agents: []AgentSpec{agent("x", []string{"a"}, "T"), agent("y", []string{"a"}, "U")}}, nil,
			[]string{"T+U 3: a=3"}, ""},
		{"two agents of one struct", AppSpec{Topics: []TopicSpec{topic("a", 3), topic("b", 2)},
			Tables: []TableSpec{{Struct: "T", Name: "t"}}, Agents: []AgentSpec{agent("x", []string{"a"}, "T"), grouped(agent("y", []string{"b"}, "T"))}}, nil,
			[]string{"T 3: a=3 app-y-repartition=3", "b 2: b=2"}, ""},
		{"tables of timers alone", AppSpec{Partitions: 2, Tables: []TableSpec{{Struct: "T", Name: "t"}}, Timers: []TimerSpec{{Func: "Tick", Every: time.Second, Tables: []string{"T"}}}}, nil,
			[]string{"T 2:"}, ""},
		{"a topic that is only written", AppSpec{Topics: []TopicSpec{topic("a", 3)}}, nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spec.ID = "app"
			p, err := planOf(t, &c.spec, c.have)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want: %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := p.shape(); !slices.Equal(got, c.want) {
				t.Errorf("the components are %q, want %q", got, c.want)
			}
			for _, table := range c.spec.Tables {
				if n := p.partitions(p.changelog(table.Name)); n != p.groups[table.Struct].component.partitions {
					t.Errorf("the changelog of %s has %d partitions", table.Name, n)
				}
			}
			for _, g := range p.groupComponents() {
				if len(g.Topics) == 0 {
					t.Errorf("nothing says how many tasks %s has", g.Name)
				}
			}
		})
	}
}

// The sources of a group_by are numbered without gaps: topics by name, then partitions.
func TestSourceIndex(t *testing.T) {
	p, err := planOf(t, &AppSpec{ID: "app", Topics: []TopicSpec{{Name: "b", Partitions: 2}, {Name: "a", Partitions: 3}},
		Agents: []AgentSpec{{Name: "x", Topics: []string{"b", "a"}, GroupBy: "K"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := p.agents["x"]
	var got []int
	for _, topic := range []string{"a", "b"} {
		for n := range p.partitions(topic) {
			got = append(got, a.sourceIndex(record.TopicPartition{Topic: topic, Partition: n}))
		}
	}
	if !slices.Equal(got, []int{0, 1, 2, 3, 4}) || a.sourceCount() != 5 || a.sourceIndex(record.TopicPartition{Topic: "c"}) != -1 {
		t.Errorf("numbered %v of %d", got, a.sourceCount())
	}
}

func TestNames(t *testing.T) {
	spec := &AppSpec{ID: "app", Version: 2, Topics: []TopicSpec{{Name: "a", Partitions: 1}, {Name: "b", Partitions: 1}}, Tables: []TableSpec{{Struct: "T", Name: "t"}},
		Agents: []AgentSpec{{Name: "x", Topics: []string{"a", "b"}, GroupBy: "K", Tables: []string{"T"}}}}
	p := newPlan(spec, &config{topicPrefix: "pre.", topics: map[string]string{"b": "other"}})
	if got, want := sortedKeys(p.topics), []string{"other", "pre.a", "pre.app-v2-t-changelog", "pre.app-v2-x-repartition"}; !slices.Equal(got, want) {
		t.Errorf("the topics are %q, want %q", got, want)
	}
}
