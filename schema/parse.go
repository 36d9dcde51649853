package schema

import (
	"fmt"
	"go/ast"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ParseDirective reads one line comment that begins at pos. It returns nil and no diagnostics for a comment that is none of
// ours. A Use without a Directive never comes back: what is unknown, misspelt, misplaced or not built is a diagnostic, and
// of a directive with bad arguments the good ones are kept, so that one mistake is reported once.
func ParseDirective(text string, pos Pos, on Node) (*Use, []Diagnostic) {
	d, ok := ast.ParseDirective(0, text)
	if ok && d.Tool != "faust" && Nearest(d.Tool, []string{"faust"}) != "" && Lookup(d.Name) != nil {
		return nil, []Diagnostic{{Pos: pos, Rule: "F001", Text: fmt.Sprintf("%q is no directive", firstWord(text)), Hint: "write //faust:" + d.Name}}
	}
	if strings.TrimRight(text, " \t") == "//faust:" {
		return nil, []Diagnostic{{Pos: pos, Rule: "F002", Text: "//faust: names no directive", Hint: "faustgen help directives lists them"}}
	}
	if !ok || d.Tool != "faust" {
		if fixed, ok := nearMiss(text); ok {
			return nil, []Diagnostic{{Pos: pos, Rule: "F001", Text: fmt.Sprintf("%q is no directive", firstWord(text)), Hint: "write " + fixed}}
		}
		return nil, nil
	}
	spec := Lookup(d.Name)
	if spec == nil {
		return nil, []Diagnostic{unknownDirective(d.Name, pos)}
	}
	if !spec.stands(on) {
		return nil, []Diagnostic{misplaced(spec, on, pos)}
	}
	if spec.Instead != "" {
		return nil, []Diagnostic{{Pos: pos, Rule: "F007", Text: "the language has //faust:" + spec.Name + ", this version does not build it yet", Hint: spec.Instead}}
	}
	words, err := d.ParseArgs()
	if err != nil {
		at := pos
		at.Col += int(d.ArgsPos)
		return nil, []Diagnostic{{Pos: at, Rule: "F006", Text: fmt.Sprintf("the arguments of //faust:%s cannot be read: %v", d.Name, err),
			Hint: `quote a whole argument that holds a space: "key=a b"`}}
	}
	p := useParser{use: &Use{Directive: spec, Pos: pos, values: map[string]Value{}}}
	for _, w := range words {
		at := pos
		at.Col += int(w.Pos)
		p.argument(w.Arg, at)
	}
	p.missing()
	return p.use, p.found
}

// useParser takes the arguments of one directive.
type useParser struct {
	use    *Use
	words  int  // positional arguments seen
	failed bool // the last word by position was reported
	open   bool // inside a quoted value, which was reported
	found  []Diagnostic
}

func (p *useParser) report(at Pos, rule, hint, format string, args ...any) {
	p.found = append(p.found, Diagnostic{Pos: at, Rule: rule, Text: fmt.Sprintf(format, args...), Hint: hint})
}

// argument takes one argument, a word or name=value.
func (p *useParser) argument(text string, at Pos) {
	if p.open {
		p.open = !strings.Contains(text, `"`)
		return
	}
	name, value, named := strings.Cut(text, "=")
	p.open = named && strings.Count(value, `"`) == 1
	if !named {
		for i := range p.use.Args {
			if a := &p.use.Args[i]; a.Kind == Flag && a.Name == text {
				p.set(a, "", at)
				return
			}
		}
		p.word(text, at)
		return
	}
	var arg *Argument
	for i := range p.use.Args {
		if p.use.Args[i].Name == name {
			arg = &p.use.Args[i]
		}
	}
	switch {
	case arg == nil && p.positional(name):
		p.report(at, "F005", "write "+p.use.Usage(), "//faust:%s takes its %s without a name", p.use.Name, name)
	case arg == nil:
		p.report(at, "F005", p.takes(name), "//faust:%s has no argument %q", p.use.Name, name)
	case arg.Kind == Flag:
		p.report(at, "F006", "write "+name+" alone", "%s takes no value", name)
	default:
		at.Col += len(name) + 1
		p.set(arg, value, at)
	}
}

// positional says whether a word by position has that name.
func (p *useParser) positional(name string) bool {
	for _, w := range p.use.Words {
		if w.Name == name {
			return true
		}
	}
	return false
}

// word takes an argument by position.
func (p *useParser) word(text string, at Pos) {
	if p.words < len(p.use.Words) {
		p.words++
		before := len(p.found)
		p.set(&p.use.Words[p.words-1], text, at)
		p.failed = len(p.found) > before
		return
	}
	if p.failed {
		return // what follows a broken word is part of it
	}
	for i := range p.use.Args {
		if a := &p.use.Args[i]; a.Name == text {
			p.report(at, "F006", "write "+text+"="+a.value(), "%s needs a value", text)
			return
		}
	}
	if n := len(p.use.Words); n > 0 && p.use.Words[n-1].Kind == Words && !p.isFlagLike(text) {
		p.report(at, "F005", "join names by commas, without spaces", "//faust:%s takes one word, %q is a second one", p.use.Name, text)
		return
	}
	p.report(at, "F005", p.takes(text), "//faust:%s has no argument %q", p.use.Name, text)
}

// isFlagLike says whether a word is closer to one of the named arguments than to nothing at all.
func (p *useParser) isFlagLike(text string) bool { return Nearest(text, p.names()) != "" }

func (p *useParser) names() []string {
	var names []string
	for _, a := range p.use.Args {
		names = append(names, a.Name)
	}
	return names
}

// takes is the hint for an unknown argument.
func (p *useParser) takes(name string) string {
	names := p.names()
	if len(names) == 0 {
		return "write " + p.use.Usage()
	}
	all := "it takes " + strings.Join(names, ", ")
	if near := Nearest(name, names); near != "" {
		return "did you mean " + near + "? " + all
	}
	return all
}

// set checks a value and keeps it.
func (p *useParser) set(a *Argument, text string, at Pos) {
	if _, twice := p.use.values[a.Name]; twice {
		p.report(at, "F004", "keep one of them", "%s is given twice", a.Name)
		return
	}
	if a.Instead != "" {
		p.report(at, "F007", a.Instead, "the language has %s= of //faust:%s, this version does not build it yet", a.Name, p.use.Name)
		if a.Kind == Flag {
			p.found[len(p.found)-1].Text = fmt.Sprintf("the language has %s of //faust:%s, this version does not build it yet", a.Name, p.use.Name)
		}
		return
	}
	if rule, what, hint := a.check(text); what != "" {
		p.report(at, rule, hint, "%s", what)
		return
	}
	p.use.values[a.Name] = Value{Text: text, Pos: at}
}

// check says which rule a value breaks, what is wrong and what to do; an empty what is good.
func (a *Argument) check(text string) (rule, what, hint string) {
	bad := func(hint, format string, args ...any) (string, string, string) {
		return "F006", fmt.Sprintf(format, args...), hint
	}
	if strings.Contains(text, `"`) {
		return bad(`quote the whole argument: "`+a.Name+`=a b"`, "%s has a quote in its value", a.Name)
	}
	if text == "" && a.Kind != Flag {
		return bad("write "+a.Name+"="+a.value(), "%s has no value", a.Name)
	}
	switch a.Kind {
	case Number:
		if n, err := strconv.Atoi(text); err != nil || n < a.Min || n > a.Max {
			return bad(fmt.Sprintf("write a whole number from %d to %d", a.Min, a.Max), "%s is %q", a.Name, text)
		}
	case Length:
		for _, w := range a.Values {
			if w == text {
				return "", "", ""
			}
		}
		d, err := ParseDuration(text)
		switch {
		case err != nil && len(a.Values) > 0:
			return bad("write a duration such as 5m, 24h or 7d, or "+strings.Join(a.Values, ", "), "%s is %q", a.Name, text)
		case err != nil:
			return bad("write a duration such as 5m, 24h or 7d", "%s is %q", a.Name, text)
		case d < 0:
			return bad("write a positive one", "%s is the negative duration %s", a.Name, text)
		case d < time.Duration(a.Min)*time.Millisecond:
			return bad(fmt.Sprintf("write at least %dms", a.Min), "%s is %s", a.Name, text)
		}
	case Choice:
		return a.choice(text)
	case CodecName:
		return a.codec(text)
	case Words:
		for _, part := range strings.Split(text, ",") {
			if part == "" {
				return bad("join names by commas, without spaces", "%s holds an empty name", a.Name)
			}
		}
	}
	return "", "", ""
}

// choice checks one of a few words.
func (a *Argument) choice(text string) (rule, what, hint string) {
	for _, v := range a.Values {
		if v == text {
			return "", "", ""
		}
	}
	if instead, ok := a.Later[text]; ok {
		return "F007", fmt.Sprintf("the language has %s=%s, this version does not build it yet", a.Name, text), instead
	}
	return "F006", fmt.Sprintf("%s is %q", a.Name, text), DidYouMean(text, a.Values)
}

// codec checks a codec with its stages.
func (a *Argument) codec(text string) (rule, what, hint string) {
	for i, stage := range strings.Split(text, "|") {
		if stage == "binary" {
			return "F006", "codec binary is two things", "avro or base64? neither is built yet: use codec=json"
		}
		if i == 0 {
			if rule, what, hint = a.choice(stage); what != "" {
				return rule, what, hint
			}
			continue
		}
		instead, ok := laterCodecs[stage]
		if !ok || stage == "avro" {
			return "F006", fmt.Sprintf("%q is no stage of a codec", stage), DidYouMean(stage, []string{"base64", "gzip", "zstd", "snappy", "lz4"})
		}
		return "F007", fmt.Sprintf("the language has the codec stage %s, this version does not build it yet", stage), instead
	}
	return "", "", ""
}

// missing reports the arguments that are required and absent.
func (p *useParser) missing() {
	if len(p.found) > 0 {
		return
	}
	for _, list := range [][]Argument{p.use.Words, p.use.Args} {
		for i := range list {
			if a := &list[i]; a.Required && !p.use.Has(a.Name) {
				p.report(p.use.Pos, "F006", "write "+p.use.Usage(), "//faust:%s lacks its %s", p.use.Name, a.Name)
			}
		}
	}
}

// unknownDirective reports a directive that the language does not have.
func unknownDirective(name string, pos Pos) Diagnostic {
	var names []string
	for _, d := range Directives {
		names = append(names, d.Name)
	}
	hint := "faustgen help directives lists them"
	if near := Nearest(name, names); near != "" {
		hint = "did you mean //faust:" + near + "?"
	}
	return Diagnostic{Pos: pos, Rule: "F002", Text: "unknown directive //faust:" + name, Hint: hint}
}

// misplaced reports a directive on a node where it means nothing.
func misplaced(d *Directive, on Node, pos Pos) Diagnostic {
	var where []string
	for _, n := range d.On {
		where = append(where, string(n))
	}
	hint := "put it into the comment right above " + strings.Join(where, " or ")
	if d.stands(OnPackage) {
		hint = "put it into the package's doc comment, right above the package clause"
	}
	return Diagnostic{Pos: pos, Rule: "F003", Text: fmt.Sprintf("//faust:%s stands on %s", d.Name, on), Hint: hint}
}

// Spellings that look like a directive and are prose to Go: a space before faust, capitals, spaces or other signs around
// the colon. A comment that is indented by a tab or by more than two spaces is code in a doc comment and stays prose.
var (
	attached = regexp.MustCompile(`^// ?(?i:faust):([A-Za-z_]\w*)`)
	loose    = regexp.MustCompile(`^// ?(?i:faust)\s*[:.]\s*([A-Za-z_]\w*)`)
	glued    = regexp.MustCompile(`^//(?i:faust)\s*[:.]\s*([A-Za-z_]\w*)`)
	block    = regexp.MustCompile(`^/\*+\s*faust:([a-z_]+)`)
)

// nearMiss says whether a comment was meant as a directive, and how it should have been written.
func nearMiss(text string) (fixed string, ok bool) {
	for _, re := range []*regexp.Regexp{attached, glued, block} {
		if m := re.FindStringSubmatch(text); m != nil {
			return "//faust:" + corrected(m[1]), true
		}
	}
	// "// faust: tables are kept" is prose; with nothing but the name of a directive and its arguments after it, it is not.
	m := loose.FindStringSubmatch(text)
	if m == nil || Lookup(strings.ToLower(m[1])) == nil {
		return "", false
	}
	rest := strings.Fields(text[len(m[0]):])
	for _, w := range rest {
		if !strings.Contains(w, "=") {
			return "", false
		}
	}
	return "//faust:" + strings.ToLower(m[1]), true
}

// corrected is the nearest directive to a name, or the name itself in small letters.
func corrected(name string) string {
	var names []string
	for _, d := range Directives {
		names = append(names, d.Name)
	}
	if near := Nearest(name, names); near != "" {
		return near
	}
	return strings.ToLower(name)
}

// firstWord is the beginning of a comment up to the directive's name, for messages.
func firstWord(text string) string {
	for _, re := range []*regexp.Regexp{attached, glued, block, loose} {
		if m := re.FindString(text); m != "" {
			return m
		}
	}
	text, _, _ = strings.Cut(text, " ")
	return text
}
