package schema

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

var at = Pos{File: "orders.go", Line: 10, Col: 1}

func TestParseDirectiveArguments(t *testing.T) {
	u, wrong := ParseDirective(`//faust:agent orders,refunds group_by=Account.ID "sink=a b" borrow`, at, OnFunc)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if u.Name != "agent" || u.Text("group_by") != "Account.ID" || !u.Has("borrow") || u.Has("name") || u.Text("sink") != "a b" {
		t.Errorf("parsed %+v", u)
	}
	list := u.List("topic")
	if len(list) != 2 || list[0] != (Value{"orders", Pos{"orders.go", 10, 15}}) || list[1] != (Value{"refunds", Pos{"orders.go", 10, 22}}) {
		t.Errorf("topics are %+v", list)
	}
	if got := u.At("group_by"); got.Col != 39 {
		t.Errorf("the value of group_by stands at column %d, want 39", got.Col)
	}
	if u.At("name") != at {
		t.Errorf("an absent argument stands at %v, want the directive's place", u.At("name"))
	}
}

func TestParseDirectiveIgnoresOthers(t *testing.T) {
	for _, text := range []string{
		"//go:generate go tool faustgen", "// Faust is a stream processor.", "// faust: tables are kept per account.", "//nolint:faust", "//\tfaust:record", "//   faust:record in code",
		"// See faust:record.", "// //faust:record", "// faust.Table is a handle", "/* about faust:records */", "//", "// Faust: record the time=1 of all", "//faustian:bargain",
	} {
		if u, wrong := ParseDirective(text, at, OnStruct); u != nil || len(wrong) > 0 {
			t.Errorf("%q is taken for a directive: %v %v", text, u, wrong)
		}
	}
}

func TestParseDirectiveNearMisses(t *testing.T) {
	for text, want := range map[string]string{
		"// faust:record": "//faust:record", "//Faust:record": "//faust:record", "//FAUST:Record": "//faust:record", "//faust: record": "//faust:record",
		"//faust :agent orders": "//faust:agent", "//faust.record": "//faust:record", "// faust:agnet orders": "//faust:agent", "// faust: record time=At": "//faust:record",
		"/*faust:record*/": "//faust:record", "// Faust:topics": "//faust:topics",
	} {
		_, wrong := ParseDirective(text, at, OnStruct)
		if len(wrong) != 1 || wrong[0].Rule != "F001" || wrong[0].Hint != "write "+want {
			t.Errorf("%q: %v, want a hint to write %s", text, wrong, want)
		}
	}
}

// TestRegistry holds the table to what its readers rely on.
func TestRegistry(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Directives {
		if seen[d.Name] || d.Doc == "" || len(d.On) == 0 {
			t.Errorf("directive %s is there twice, has no doc, or stands on nothing", d.Name)
		}
		seen[d.Name] = true
		names := map[string]bool{}
		for _, a := range append(append([]Argument{}, d.Words...), d.Args...) {
			if names[a.Name] {
				t.Errorf("//faust:%s has two arguments %s", d.Name, a.Name)
			}
			names[a.Name] = true
			if a.Doc == "" {
				t.Errorf("%s of //faust:%s has no doc", a.Name, d.Name)
			}
			if a.Kind == Choice && len(a.Values) == 0 || a.Kind == Number && a.Max == 0 {
				t.Errorf("%s of //faust:%s takes no value at all", a.Name, d.Name)
			}
			for _, v := range a.Values {
				if _, both := a.Later[v]; both {
					t.Errorf("%s=%s of //faust:%s is both built and not", a.Name, v, d.Name)
				}
			}
		}
		if !strings.HasPrefix(d.Usage(), "//faust:"+d.Name) {
			t.Errorf("usage of %s is %q", d.Name, d.Usage())
		}
	}
	for _, name := range strings.Fields("app record topics tables topic table tumbling hopping sliding session agent provide on_window_close timer cron task page command join union renamed") {
		if !seen[name] {
			t.Errorf("the registry lacks %s", name)
		}
	}
}

// FuzzParseDirective: nothing is ignored; whatever stands behind //faust: is a directive or a diagnostic.
func FuzzParseDirective(f *testing.F) {
	for _, d := range Directives {
		f.Add("//faust:" + d.Name)
		f.Add(d.Usage())
	}
	f.Add(`//faust:agent a "b=c d" e="f`)
	f.Add("//faust:topic `x y` partitions=4 partitions=5")
	rule := regexp.MustCompile(`^F0[0-9][0-9]$`)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\n") {
			return
		}
		for _, on := range []Node{OnPackage, OnStruct, OnField, OnFunc, OnNothing} {
			u, wrong := ParseDirective(text, at, on)
			d, ok := ast.ParseDirective(0, text)
			if ok && d.Tool == "faust" && u == nil && len(wrong) == 0 {
				t.Fatalf("%q on %s is ignored", text, on)
			}
			for _, w := range wrong {
				if !rule.MatchString(w.Rule) || w.Text == "" || w.Pos.Line != at.Line || w.Pos.Col < 1 || w.Pos.Col > len(text)+1 {
					t.Fatalf("%q: bad diagnostic %+v", text, w)
				}
			}
			if u != nil && u.Directive.Instead != "" {
				t.Fatalf("%q: a directive that is not built came back", text)
			}
		}
	})
}

func TestParseFieldTag(t *testing.T) {
	for tag, want := range map[string]FieldTag{
		"":                              {},
		"-":                             {Skip: true},
		"epoch=ms":                      {Epoch: "ms"},
		"layout=02/01/2006 15:04:05":    {Layout: "02/01/2006 15:04:05"},
		"layout=Mon, 02 Jan 2006":       {Layout: "Mon, 02 Jan 2006"},
		"default=a,b":                   {Default: "a,b", HasDefault: true},
		"default=":                      {HasDefault: true},
		"epoch=s,default=0":             {Epoch: "s", Default: "0", HasDefault: true},
		"layout=Mon, 2 Jan,default=x,y": {Layout: "Mon, 2 Jan", Default: "x,y", HasDefault: true},
	} {
		if got, wrong := ParseFieldTag(tag); got != want || len(wrong) > 0 {
			t.Errorf("faust:%q = %+v %v, want %+v", tag, got, wrong, want)
		}
	}
	for tag, rule := range map[string]string{"coerce": "F007", "in=x": "F007", "rest": "F007", "secret": "F007", "epoch=m": "F029", "defualt=1": "F027", "layout=": "F029"} {
		if _, wrong := ParseFieldTag(tag); len(wrong) != 1 || wrong[0].Rule != rule {
			t.Errorf("faust:%q gives %v, want one %s", tag, wrong, rule)
		}
	}
}

func TestParseValidate(t *testing.T) {
	required, rules, wrong := ParseValidate("required,gte=1,oneof=red 'dark green'")
	if !required || len(wrong) > 0 || len(rules) != 2 || rules[0] != (Rule{"gte", "1"}) || rules[1].Name != "oneof" {
		t.Errorf("parsed %v %v %v", required, rules, wrong)
	}
	if words := SplitOneOf(rules[1].Arg); len(words) != 2 || words[1] != "dark green" {
		t.Errorf("oneof lists %q", words)
	}
	for _, tag := range []string{"email", "gte", "gte=", "required=yes", "requried"} {
		if _, _, wrong := ParseValidate(tag); len(wrong) != 1 || wrong[0].Rule != "F028" {
			t.Errorf("validate:%q gives %v, want one F028", tag, wrong)
		}
	}
}
