package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	faust "github.com/faustgen/faustgen/runtime"
)

// listing is a command that prints a part of the declaration. It needs no broker.
func (p *program) listing(use, short, long string, rows func(cmd *cobra.Command) (table, any, error)) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Example: "  " + p.name + " " + use + "\n  " + p.name + " " + use + " --json",
		RunE: p.does(func(cmd *cobra.Command, args []string) error {
			if err := arguments(args, 0, 0, "flags only"); err != nil {
				return err
			}
			t, all, err := rows(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(p.out, all)
			}
			return t.print(p.out)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

// table is what is printed in columns.
type table struct {
	none   string // instead of an empty one
	header []string
	rows   [][]string
	after  string // a line below it
}

func (t *table) print(w io.Writer) error {
	if len(t.rows) == 0 {
		_, err := fmt.Fprintln(w, t.none)
		return err
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i := range row {
			row[i] = cmp.Or(row[i], "-")
		}
		fmt.Fprintln(columns, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	if err := columns.Flush(); err != nil {
		return err
	}
	if t.after != "" {
		_, err := fmt.Fprintln(w, t.after)
		return err
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

type agentRow struct {
	Name    string   `json:"name"`
	Func    string   `json:"func"`
	Topics  []string `json:"topics"`
	GroupBy string   `json:"group_by,omitempty"`
	Tables  []string `json:"tables,omitempty"`
	Sink    string   `json:"sink,omitempty"`
	Takes   string   `json:"takes"`
	OnError string   `json:"on_error"`
	Doc     string   `json:"doc,omitempty"`
}

func (p *program) agentsCommand() *cobra.Command {
	return p.listing("agents", "List the agents: what each reads, keeps and sends to",
		"List the agents with the topics they read, the field or function they group by, their tables structs, their sink and what they do\nwith an event that fails.",
		func(*cobra.Command) (table, any, error) {
			t := table{none: "no agents", header: []string{"AGENT", "READS", "GROUP BY", "TABLES", "SINK", "TAKES", "ON ERROR", "FUNC"}}
			all := []agentRow{}
			for _, a := range p.app.Spec().Agents {
				r := agentRow{Name: a.Name, Func: a.Func, Topics: a.Topics, GroupBy: a.GroupBy, Tables: a.Tables, Sink: a.Sink, Takes: a.Shape,
					OnError: cmp.Or(a.OnError, "fail"), Doc: a.Doc}
				all = append(all, r)
				t.rows = append(t.rows, []string{r.Name, strings.Join(r.Topics, ","), r.GroupBy, strings.Join(r.Tables, ","), r.Sink, r.Takes, r.OnError, r.Func})
			}
			return t, all, nil
		})
}

type topicRow struct {
	Name       string            `json:"name"`
	Declared   string            `json:"declared,omitempty"`
	Kind       string            `json:"kind"`
	Owner      string            `json:"owner"`
	Partitions int               `json:"partitions,omitempty"`
	Replicas   int               `json:"replicas,omitempty"`
	Retention  string            `json:"retention"`
	External   bool              `json:"external,omitempty"`
	Settings   map[string]string `json:"settings,omitempty"`
	ACLs       []string          `json:"acls"`
	Key        string            `json:"key,omitempty"`
	Value      string            `json:"value,omitempty"`
	KeyCodec   string            `json:"key_codec,omitempty"`
	ValueCodec string            `json:"value_codec,omitempty"`
	Doc        string            `json:"doc,omitempty"`
}

func (p *program) topicsCommand() *cobra.Command {
	s := &settings{}
	cmd := p.listing("topics", "List every topic that a worker reads, writes or creates, with its settings and the ACLs it needs",
		`List every topic on the broker that a worker reads, writes or creates: the declared ones, the repartition topics behind group_by, and the
tables' changelogs, with partitions, retention and the operations that the worker's user needs on them. No broker is asked, so a number
that only the broker knows is left open.`,
		func(cmd *cobra.Command) (table, any, error) {
			opts, err := p.options(cmd, s)
			if err != nil {
				return table{}, nil, err
			}
			return p.topicRows(opts)
		})
	s.names(cmd.Flags())
	return cmd
}

func (p *program) topicRows(opts []faust.Option) (table, any, error) {
	uses, err := p.app.Topology(opts...)
	if err != nil {
		return table{}, nil, err
	}
	group, err := p.app.Group(opts...)
	if err != nil {
		return table{}, nil, err
	}
	t := table{none: "no topics", header: []string{"TOPIC", "KIND", "OF", "PARTITIONS", "RETENTION", "ACLS"},
		after: "\nThe user also needs Read and Describe on the group " + group + " (reset: Delete too)."}
	all := []topicRow{}
	for _, u := range uses {
		r := topicRow{Name: u.Name, Kind: u.Kind, Owner: u.Owner, Partitions: u.Partitions, Retention: retention(u.Settings), Settings: u.Settings, ACLs: u.ACLs}
		if d := u.Spec; d != nil {
			r.Declared, r.Replicas, r.External, r.Key, r.Value, r.Doc = d.Name, d.Replicas, d.External, d.KeyType, d.ValueType, d.Doc
			r.KeyCodec, r.ValueCodec = cmp.Or(d.KeyCodec, "text"), cmp.Or(d.ValueCodec, "json")
		}
		all = append(all, r)
		kind, partitions := r.Kind, ""
		if r.External {
			kind = "external"
		}
		if r.Partitions > 0 {
			partitions = strconv.Itoa(r.Partitions)
		}
		t.rows = append(t.rows, []string{r.Name, kind, r.Owner, partitions, r.Retention, strings.Join(r.ACLs, ",")})
	}
	return t, all, nil
}

// retention puts what a topic keeps into words.
func retention(settings map[string]string) string {
	var parts []string
	if strings.Contains(settings["cleanup.policy"], "compact") {
		parts = append(parts, "compacted")
	}
	switch ms, err := strconv.ParseInt(settings["retention.ms"], 10, 64); {
	case err != nil && len(parts) == 0:
		parts = append(parts, "broker's default")
	case err != nil:
	case ms < 0:
		parts = append(parts, "forever")
	default:
		parts = append(parts, short(time.Duration(ms)*time.Millisecond))
	}
	return strings.Join(parts, ", ")
}

// short is a duration without the zeros that time.Duration prints at its end.
func short(d time.Duration) string {
	if d == 0 {
		return ""
	}
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

type tableRow struct {
	Name   string     `json:"name"`
	Field  string     `json:"field"`
	Key    string     `json:"key"`
	Value  string     `json:"value"`
	Store  string     `json:"store"`
	Window *windowRow `json:"window,omitempty"`
	Doc    string     `json:"doc,omitempty"`
}

type windowRow struct {
	Kind    string `json:"kind"`
	Size    string `json:"size"`
	Step    string `json:"step,omitempty"`
	Grace   string `json:"grace,omitempty"`
	Expires string `json:"expires,omitempty"`
	Idle    string `json:"idle,omitempty"`
}

func (p *program) tablesCommand() *cobra.Command {
	return p.listing("tables", "List the tables with their types and windows",
		"List the tables with the types of key and value, where their state is kept, and how a windowed table divides time.",
		func(*cobra.Command) (table, any, error) {
			t := table{none: "no tables", header: []string{"TABLE", "KEY", "VALUE", "STORE", "WINDOW", "FIELD"}}
			all := []tableRow{}
			for _, d := range p.app.Spec().Tables {
				r := tableRow{Name: d.Name, Field: d.Struct + "." + d.Field, Key: d.KeyType, Value: d.ValueType, Store: "badger", Doc: d.Doc}
				if d.Memory {
					r.Store = "memory"
				}
				window := ""
				if w := d.Window; w != nil {
					r.Window = &windowRow{Kind: w.Kind, Size: short(w.Size), Grace: short(w.Grace), Expires: short(w.Expires), Idle: short(w.Idle)}
					window = w.Kind + " " + r.Window.Size
					if w.Kind == "hopping" {
						r.Window.Step = short(w.Step)
						window += " step=" + r.Window.Step
					}
					for _, part := range []struct{ name, value string }{{"grace", r.Window.Grace}, {"expires", r.Window.Expires}, {"idle", r.Window.Idle}} {
						if part.value != "" {
							window += " " + part.name + "=" + part.value
						}
					}
				}
				all = append(all, r)
				t.rows = append(t.rows, []string{r.Name, r.Key, r.Value, r.Store, window, r.Field})
			}
			return t, all, nil
		})
}

type recordRow struct {
	Name   string     `json:"name"`
	Doc    string     `json:"doc,omitempty"`
	Fields []fieldRow `json:"fields"`
}

type fieldRow struct {
	Field string `json:"field"`
	JSON  string `json:"json"`
	Type  string `json:"type"`
	Rules string `json:"rules,omitempty"`
}

func (p *program) recordsCommand() *cobra.Command {
	return p.listing("records", "List the records with their fields and rules",
		"List the records: each field with its name in JSON, its Go type, and the rules that a value must keep.",
		func(*cobra.Command) (table, any, error) {
			t := table{none: "no records", header: []string{"RECORD", "FIELD", "JSON", "TYPE", "RULES"}}
			all := []recordRow{}
			for _, d := range slices.SortedFunc(slices.Values(p.app.Spec().Records), func(a, b faust.RecordSpec) int { return cmp.Compare(a.Name, b.Name) }) {
				r := recordRow{Name: d.Name, Doc: d.Doc, Fields: []fieldRow{}}
				for _, f := range d.Fields {
					r.Fields = append(r.Fields, fieldRow{f.Go, f.JSON, f.Type, f.Rules})
					t.rows = append(t.rows, []string{r.Name, f.Go, f.JSON, f.Type, f.Rules})
				}
				if len(d.Fields) == 0 {
					t.rows = append(t.rows, []string{r.Name, "", "", "", ""})
				}
				all = append(all, r)
			}
			return t, all, nil
		})
}
