package schema

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// rules are the checks of a package, each by itself. What a rule needs of others (a topic that exists) it skips silently where another
// rule reports it.
var rules = []func(*checker){
	(*checker).application,
	(*checker).generatedNames,
	(*checker).topicNames,
	(*checker).topicCodecs,
	(*checker).tableNames,
	(*checker).tableTypes,
	(*checker).tableKeyCodecs,
	(*checker).windows,
	(*checker).windowTimes,
	(*checker).agentNames,
	(*checker).agentTopics,
	(*checker).agentInputs,
	(*checker).groupKeys,
	(*checker).tableKeys,
	(*checker).partitionCounts,
	(*checker).sinks,
	(*checker).methods,
	(*checker).closers,
	(*checker).commands,
	(*checker).fields,
	(*checker).validation,
	(*checker).defaults,
	(*checker).times,
}

// Check reports all that is wrong with what the packages declare, sorted by place. It is pure: no files are read.
func Check(pkgs []*Package) []Diagnostic {
	var found []Diagnostic
	for _, p := range pkgs {
		c := &checker{Package: p}
		for _, rule := range rules {
			rule(c)
		}
		found = append(found, c.found...)
	}
	return Sort(append(found, workerDirs(pkgs)...))
}

// checker collects what the rules find in one package.
type checker struct {
	*Package
	found []Diagnostic
}

// report adds a diagnostic; At(i) in its texts stands for related[i].
func (c *checker) report(at Pos, rule string, related []Pos, hint, format string, args ...any) {
	c.found = append(c.found, Diagnostic{Pos: at, Rule: rule, Text: fmt.Sprintf(format, args...), Hint: hint, Related: related})
}

// legalName matches what Kafka takes as the name of a topic or group.
var legalName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// maxName is the longest topic name that Kafka takes.
const maxName = 249

// kafkaName reports a name that Kafka would refuse.
func (c *checker) kafkaName(at Pos, what, name string) {
	switch {
	case !legalName.MatchString(name):
		c.report(at, "F033", nil, "use letters, digits, dots, dashes and underscores", "%s %q is no name for Kafka", what, name)
	case len(name) > maxName:
		c.report(at, "F033", nil, fmt.Sprintf("shorten it to %d characters, counting what is put before and behind it", maxName), "%s %q has %d characters", what, name, len(name))
	case name == "." || name == "..":
		c.report(at, "F033", nil, "choose another", "%s %q is no name for Kafka", what, name)
	}
}

// application checks //faust:app, and that there is one if anything needs it.
func (c *checker) application() {
	if c.App == nil {
		if at, what := c.first(); what != "" {
			c.report(at, "F009", nil, "put //faust:app <id> into the package's doc comment", "package %s declares %s and is no application", c.Name, what)
		}
		return
	}
	if c.App.ID == "" {
		return // reported when it was read
	}
	c.kafkaName(c.App.IDPos, "the application's id", c.App.ID)
	w := c.App.Worker
	switch {
	case w == "":
	case c.Name == "main":
		c.report(c.App.WorkerPos, "F009", nil, "remove it: the func main of a package main is generated beside it", "package main has worker=%s", w)
	case outside(c.Package, w):
		c.report(c.App.WorkerPos, "F009", nil, "name a folder inside the module", "worker=%s leads out of the module %s", w, c.Module)
	case path.IsAbs(w) || strings.Contains(w, `\`) || path.Clean(w) == ".":
		c.report(c.App.WorkerPos, "F009", nil, "name another folder, relative to the package's, with slashes", "worker=%s is no folder for the worker's main.go", w)
	}
}

// outside says whether a folder, relative to the package's, is not in the package's module.
func outside(p *Package, dir string) bool {
	rel := strings.TrimPrefix(strings.TrimPrefix(p.Path, p.Module), "/")
	to := path.Join(rel, dir)
	return to == ".." || strings.HasPrefix(to, "../")
}

// first is a declaration that needs an application.
func (c *checker) first() (Pos, string) {
	var at Pos
	what := ""
	consider := func(p Pos, w string) {
		if what == "" || p.Compare(at) < 0 {
			at, what = p, w
		}
	}
	if c.Topics != nil {
		consider(c.Topics.Pos, "topics")
	}
	for _, t := range c.Tables {
		consider(t.Pos, "tables")
	}
	for _, f := range c.funcs() {
		consider(f.Pos, f.Go)
	}
	return at, what
}

// funcs returns all functions with directives.
func (p *Package) funcs() []Func {
	var out []Func
	for _, a := range p.Agents {
		out = append(out, a.Func)
	}
	for _, f := range p.Closers {
		out = append(out, f.Func)
	}
	for _, f := range p.Timers {
		out = append(out, f.Func)
	}
	for _, f := range p.Tasks {
		out = append(out, f.Func)
	}
	for _, f := range p.Commands {
		out = append(out, f.Func)
	}
	for _, f := range p.Providers {
		out = append(out, f.Func)
	}
	return out
}

// generatedNames reports identifiers of the user's that are to be generated.
func (c *checker) generatedNames() {
	if c.App == nil {
		return
	}
	for _, name := range []string{"Faust", "NewClient", "NewQueries", "Queries"} {
		if at, ok := c.Declared[name]; ok {
			c.report(at, "F025", nil, "rename it", "%s is what faustgen generates into an application", name)
		}
	}
	if at, ok := c.Declared["main"]; ok && c.Name == "main" {
		c.report(at, "F025", nil, "remove it, or move the application into a package of its own and call its Faust().Run", "func main is what faustgen generates into a package main")
	}
}

// workerDirs reports workers of several applications in one folder.
func workerDirs(pkgs []*Package) []Diagnostic {
	var found []Diagnostic
	seen := map[string]*Package{}
	for _, p := range pkgs {
		dir := p.WorkerDir()
		if dir == "" || p.App.ID == "" {
			continue
		}
		dir = path.Join(strings.ReplaceAll(p.Dir, `\`, "/"), dir)
		if q := seen[dir]; q != nil {
			found = append(found, Diagnostic{Pos: p.App.Pos, Rule: "F024", Text: fmt.Sprintf("the applications %s and %s (%s) have their workers in one folder", p.App.ID, q.App.ID, At(0)),
				Hint: "give one of them another worker=", Related: []Pos{q.App.Pos}})
			continue
		}
		seen[dir] = p
	}
	return found
}
