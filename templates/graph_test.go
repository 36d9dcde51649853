package templates

import (
	"strings"
	"testing"

	"github.com/faustgen/faustgen/schema"
)

func TestGraphText(t *testing.T) {
	text := NewGraph(ordersPackage()).Text()
	for _, want := range []string{
		"application orders\n",
		"\ntopic orders\n  Order by string\n  4 partitions\n",
		"\ntable hourly\n  int64 by string, on memory\n  tumbling windows of 1h0m0s, grace 5m0s, expires 24h0m0s\n  changelog orders-v2-hourly-changelog\n",
		"\nrepartition orders-v2-count_orders-repartition\n  to agent count_orders\n  from topic orders (by Meta.Owner)\n",
		"\nagent checker_check\n  calls Checker.Check\n  from topic orders\n  to topic counts\n",
		"\non_window_close report\n  calls Report\n  from table hourly (closed windows)\n  may send to topic orders\n  may send to topic counts\n",
		"\ntimer tick\n  calls Tick\n  every 1m30s\n",
		"\ncommand load-file\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q; it is\n%s", want, text)
		}
	}
}

func TestGraphMermaidAndDOT(t *testing.T) {
	pkg := &schema.Package{
		App: &schema.App{ID: `a"b`},
		Topics: &schema.Topics{Name: "Topics", Fields: []*schema.Topic{
			{Name: "in", Key: stringType, Value: stringType}, {Name: "out", Key: stringType, Value: stringType}}},
		Agents: []*schema.Agent{{Func: schema.Func{Go: "Copy", Name: "copy"}, Topics: []string{"in"}, Value: stringType, Shape: schema.PerValue, Sink: "out",
			GroupBy: &schema.GroupBy{By: "First", Func: "First", Key: stringType}}},
		Timers: []*schema.Timer{{Func: schema.Func{Go: "Tick", Name: "tick", Handles: []schema.Handle{{Struct: "Topics"}}}}},
	}
	g := NewGraph(pkg)
	wantMermaid := `flowchart LR
  n0[/"in"/]
  n1[/"out"/]
  n2("copy")
  n3[/"a#quot;b-copy-repartition"/]
  n4(("timer tick"))
  n3 --> n2
  n0 -->|"by First"| n3
  n2 --> n1
  n4 -.-> n0
  n4 -.-> n1
`
	if got := g.Mermaid(); got != wantMermaid {
		t.Errorf("Mermaid is\n%s\nwant\n%s", got, wantMermaid)
	}
	wantDOT := `digraph "a\"b" {
  rankdir=LR
  n0 [label="in" shape=parallelogram]
  n1 [label="out" shape=parallelogram]
  n2 [label="copy" shape=box]
  n3 [label="a\"b-copy-repartition" shape=parallelogram]
  n4 [label="timer tick" shape=circle]
  n3 -> n2
  n0 -> n3 [label="by First"]
  n2 -> n1
  n4 -> n0 [style=dashed]
  n4 -> n1 [style=dashed]
}
`
	if got := g.DOT(); got != wantDOT {
		t.Errorf("DOT is\n%s\nwant\n%s", got, wantDOT)
	}
}

func TestGraphOfRecordsIsEmpty(t *testing.T) {
	g := NewGraph(&schema.Package{Name: "records"})
	if g.Text() != "" || g.Mermaid() != "" || g.DOT() != "" {
		t.Errorf("a package without an application has a topology: %q", g.Text())
	}
}
