package schema

import (
	"strconv"
	"strings"
	"unicode"
)

// SnakeCase is the default name of a Go identifier: OrderID gives order_id, URLViews url_views, HTTP2Calls http2_calls.
// A run of capitals is one word; its last letter begins the next one if a small letter follows it, except for the s of
// a plural initialism (OrderIDs gives order_ids).
func SnakeCase(name string) string {
	in := []rune(name)
	var out strings.Builder
	for i, r := range in {
		if r == '_' {
			out.WriteByte('_')
			continue
		}
		if unicode.IsUpper(r) && i > 0 && in[i-1] != '_' && startsWord(in, i) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// startsWord tells whether the capital in[i], which is not the first rune, begins a word.
func startsWord(in []rune, i int) bool {
	if !unicode.IsUpper(in[i-1]) {
		return true
	}
	if i+1 == len(in) || !unicode.IsLower(in[i+1]) {
		return false
	}
	plural := in[i+1] == 's' && (i+2 == len(in) || !unicode.IsLower(in[i+2]))
	return !plural
}

// Prefix is what the application's internal names begin with: the id, from version 2 on with -v2.
func (a *App) Prefix() string {
	if a.Version > 1 {
		return a.ID + "-v" + strconv.Itoa(a.Version)
	}
	return a.ID
}

// RepartitionTopic is the topic between an agent's group_by and the agent.
func (a *App) RepartitionTopic(agent string) string { return a.Prefix() + "-" + agent + "-repartition" }

// ChangelogTopic is the topic that keeps a table.
func (a *App) ChangelogTopic(table string) string { return a.Prefix() + "-" + table + "-changelog" }

// DeadLetterTopic is the topic that on_error=dlq sends to.
func (a *App) DeadLetterTopic(agent string) string { return a.Prefix() + "-" + agent + "-dlq" }

// WorkerDir is the folder of the worker's main.go relative to the package's, "" in a package main.
func (p *Package) WorkerDir() string {
	switch {
	case p.App == nil || p.Name == "main":
		return ""
	case p.App.Worker != "":
		return p.App.Worker
	}
	return "cmd/" + p.App.ID
}

// DefaultPartitions is the partition count of a topic if neither it nor its application says one.
const DefaultPartitions = 8

// PartitionCount is the count a topic is created with: its own, else the application's, else 8.
func (p *Package) PartitionCount(t *Topic) int {
	switch {
	case t.Partitions > 0:
		return t.Partitions
	case p.App != nil && p.App.Partitions > 0:
		return p.App.Partitions
	}
	return DefaultPartitions
}

// Topic returns the declared topic of that name, nil if there is none.
func (p *Package) Topic(name string) *Topic {
	if p.Topics != nil {
		for _, t := range p.Topics.Fields {
			if t.Name == name {
				return t
			}
		}
	}
	return nil
}

// TablesStruct returns the tables struct of that Go name, nil if there is none.
func (p *Package) TablesStruct(name string) *Tables {
	for _, t := range p.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Record returns the record of that key, declared or reached, nil if there is none.
func (p *Package) Record(key string) *Record {
	for _, list := range [][]*Record{p.Records, p.Reached} {
		for _, r := range list {
			if r.Key == key {
				return r
			}
		}
	}
	return nil
}

// TablesOf returns the names of the tables structs among handles, in their order.
func TablesOf(handles []Handle) []string {
	var names []string
	for _, h := range handles {
		if h.Tables {
			names = append(names, h.Struct)
		}
	}
	return names
}
