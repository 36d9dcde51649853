package templates

import (
	"fmt"
	"strings"

	"github.com/faustgen/faustgen/schema"
)

// Kinds of graph nodes.
const (
	nodeTopic       = "topic"
	nodeRepartition = "repartition"
	nodeTable       = "table"
	nodeAgent       = "agent"
	nodeCloser      = "on_window_close"
	nodeTimer       = "timer"
	nodeTask        = "task"
	nodeCommand     = "command"
)

// Graph is an application's topology: what reads, keeps and writes what. NewGraph builds it; it is not changed afterwards.
type Graph struct {
	app   *schema.App // nil if the graph is empty
	nodes []node
	edges []edge
}

// node is a topic, a table or a function.
type node struct {
	kind, name string
	details    []string // what the text form adds, a line each
}

// edge is one way that records go. may: the function holds the topic and may send to it; nothing says whether it does.
type edge struct {
	from, to int
	label    string
	may      bool
}

// NewGraph is the topology of an application's package, empty for a package that only holds records. Same package, same graph,
// whatever the order of its files.
func NewGraph(pkg *schema.Package) *Graph {
	g := new(Graph)
	if pkg.App == nil {
		return g
	}
	pkg = sorted(pkg)
	g.app = pkg.App
	if pkg.Topics != nil {
		for _, t := range pkg.Topics.Fields {
			g.add(nodeTopic, t.Name, topicDetails(pkg, t)...)
		}
	}
	for _, s := range pkg.Tables {
		for _, t := range s.Fields {
			g.add(nodeTable, t.Name, g.tableDetails(t)...)
		}
	}
	for _, a := range pkg.Agents {
		g.agent(pkg, a)
	}
	for _, c := range pkg.Closers {
		n := g.add(nodeCloser, c.Name, "calls "+declaration(&c.Func))
		if t := tableField(pkg, c.Tables, c.Table); t != nil {
			g.connect(g.add(nodeTable, t.Name), n, "closed windows", false)
		}
		g.sends(pkg, &c.Func, n)
	}
	for _, t := range pkg.Timers {
		n := g.add(nodeTimer, t.Name, "calls "+declaration(&t.Func), "every "+t.Every.String())
		g.handles(pkg, &t.Func, n)
	}
	for _, t := range pkg.Tasks {
		g.handles(pkg, &t.Func, g.add(nodeTask, t.Name, "calls "+declaration(&t.Func)))
	}
	for _, c := range pkg.Commands {
		g.handles(pkg, &c.Func, g.add(nodeCommand, c.Command, "calls "+declaration(&c.Func)))
	}
	return g
}

func topicDetails(pkg *schema.Package, t *schema.Topic) []string {
	holds := fmt.Sprintf("%s by %s", t.Value.Go, t.Key.Go)
	if t.External {
		return []string{holds, "external"}
	}
	return []string{holds, fmt.Sprintf("%d partitions", pkg.PartitionCount(t))}
}

func (g *Graph) tableDetails(t *schema.Table) []string {
	details := []string{fmt.Sprintf("%s by %s, on %s", t.Value.Go, t.Key.Go, t.Store)}
	if w := t.Window; w != nil {
		line := fmt.Sprintf("%s windows of %s", w.Kind, w.Size)
		if w.Step != w.Size {
			line += " every " + w.Step.String()
		}
		details = append(details, fmt.Sprintf("%s, grace %s, expires %s", line, w.Grace, w.Expires))
	}
	return append(details, "changelog "+g.app.ChangelogTopic(t.Name))
}

// agent adds an agent and, with a group_by, the topic between its two steps.
func (g *Graph) agent(pkg *schema.Package, a *schema.Agent) {
	n := g.add(nodeAgent, a.Name, "calls "+declaration(&a.Func))
	in, label := n, ""
	if a.GroupBy != nil {
		in, label = g.add(nodeRepartition, g.app.RepartitionTopic(a.Name)), "by "+a.GroupBy.By
		g.connect(in, n, "", false)
	}
	for _, topic := range a.Topics {
		g.connect(g.add(nodeTopic, topic), in, label, false)
	}
	if a.Sink != "" {
		g.connect(n, g.add(nodeTopic, a.Sink), "", false)
	}
	g.handles(pkg, &a.Func, n)
}

// handles connects a function with the tables and topics that it takes.
func (g *Graph) handles(pkg *schema.Package, fn *schema.Func, n int) {
	for _, name := range schema.TablesOf(fn.Handles) {
		if s := pkg.TablesStruct(name); s != nil {
			for _, t := range s.Fields {
				g.connect(n, g.add(nodeTable, t.Name), "", false)
			}
		}
	}
	g.sends(pkg, fn, n)
}

// sends connects a function that takes the topics struct with every topic it may send to.
func (g *Graph) sends(pkg *schema.Package, fn *schema.Func, n int) {
	if pkg.Topics == nil || !usesTopics(fn) {
		return
	}
	for _, t := range pkg.Topics.Fields {
		g.connect(n, g.add(nodeTopic, t.Name), "", true)
	}
}

// add returns the number of a node, which is new unless one of its kind has the name already.
func (g *Graph) add(kind, name string, details ...string) int {
	for i, n := range g.nodes {
		if n.kind == kind && n.name == name {
			return i
		}
	}
	g.nodes = append(g.nodes, node{kind, name, details})
	return len(g.nodes) - 1
}

func (g *Graph) connect(from, to int, label string, may bool) {
	g.edges = append(g.edges, edge{from, to, label, may})
}

// Text is the topology for a terminal: a paragraph per node, with what comes in and goes out. It ends with a newline, unless it is empty.
func (g *Graph) Text() string {
	if g.app == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "application %s\n", g.app.ID)
	for i, n := range g.nodes {
		fmt.Fprintf(&b, "\n%s %s\n", n.kind, n.name)
		for _, line := range n.details {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		for _, e := range g.edges {
			other, way := "", ""
			switch {
			case e.to == i && !e.may:
				other, way = g.nodes[e.from].title(), "from"
			case e.from == i && e.may:
				other, way = g.nodes[e.to].title(), "may send to"
			case e.from == i:
				other, way = g.nodes[e.to].title(), "to"
			default:
				continue
			}
			if e.label != "" {
				other += " (" + e.label + ")"
			}
			fmt.Fprintf(&b, "  %s %s\n", way, other)
		}
	}
	return b.String()
}

func (n node) title() string { return n.kind + " " + n.name }

// mermaidShapes are the brackets around a node's label.
var mermaidShapes = map[string][2]string{
	nodeTopic:       {"[/", "/]"},
	nodeRepartition: {"[/", "/]"},
	nodeTable:       {"[(", ")]"},
	nodeAgent:       {"(", ")"},
	nodeCloser:      {"(", ")"},
	nodeTimer:       {"((", "))"},
	nodeTask:        {"([", "])"},
	nodeCommand:     {"([", "])"},
}

// Mermaid is the topology as a Mermaid flowchart. It ends with a newline, unless it is empty.
func (g *Graph) Mermaid() string {
	if g.app == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, n := range g.nodes {
		shape := mermaidShapes[n.kind]
		fmt.Fprintf(&b, "  n%d%s\"%s\"%s\n", i, shape[0], mermaidText(n.label()), shape[1])
	}
	for _, e := range g.edges {
		arrow := "-->"
		if e.may {
			arrow = "-.->"
		}
		if e.label != "" {
			arrow += "|\"" + mermaidText(e.label) + "\"|"
		}
		fmt.Fprintf(&b, "  n%d %s n%d\n", e.from, arrow, e.to)
	}
	return b.String()
}

// label is the name alone for what is drawn with a shape of its own, and the kind too for the others.
func (n node) label() string {
	switch n.kind {
	case nodeTopic, nodeRepartition, nodeTable, nodeAgent:
		return n.name
	}
	return n.title()
}

func mermaidText(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;").Replace(s)
}

// dotShapes are Graphviz's names of the nodes' shapes.
var dotShapes = map[string]string{
	nodeTopic:       "parallelogram",
	nodeRepartition: "parallelogram",
	nodeTable:       "cylinder",
	nodeAgent:       "box",
	nodeCloser:      "box",
	nodeTimer:       "circle",
	nodeTask:        "oval",
	nodeCommand:     "oval",
}

// DOT is the topology in Graphviz's language. It ends with a newline, unless it is empty.
func (g *Graph) DOT() string {
	if g.app == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  rankdir=LR\n", g.app.ID)
	for i, n := range g.nodes {
		fmt.Fprintf(&b, "  n%d [label=%q shape=%s]\n", i, n.label(), dotShapes[n.kind])
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "  n%d -> n%d", e.from, e.to)
		var attributes []string
		if e.label != "" {
			attributes = append(attributes, fmt.Sprintf("label=%q", e.label))
		}
		if e.may {
			attributes = append(attributes, "style=dashed")
		}
		if len(attributes) > 0 {
			fmt.Fprintf(&b, " [%s]", strings.Join(attributes, " "))
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	return b.String()
}
