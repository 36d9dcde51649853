package templates

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// names gives out identifiers that mean what the generated code thinks they mean, whatever the user has declared.
type names struct {
	declared map[string]schema.Pos
	taken    map[string]bool      // package-level helpers of this file
	funcs    map[[2]string]string // kind of helper and declaration → helper
}

func newNames(pkg *schema.Package) *names {
	return &names{declared: pkg.Declared, taken: map[string]bool{}, funcs: map[[2]string]string{}}
}

// local is the name of a variable inside a generated function. A user's own package-level identifier of that name keeps its meaning.
func (n *names) local(want string) string {
	name := want
	for i := 2; ; i++ {
		if _, used := n.declared[name]; !used {
			return name
		}
		name = want + strconv.Itoa(i)
	}
}

// helper is the package-level function of one kind ("Bind", "Repartition") for one declaration ("CountOrders", "Enricher.Enrich").
// It is the same at every call. Two declarations that would share a helper (a method T.F and a function TF) get one each.
func (n *names) helper(kind, declaration string) string {
	id := [2]string{kind, declaration}
	if name, ok := n.funcs[id]; ok {
		return name
	}
	var words []rune
	upper := true
	for _, r := range declaration {
		if r == '.' {
			upper = true
			continue
		}
		if upper {
			r = unicode.ToUpper(r)
			upper = false
		}
		words = append(words, r)
	}
	want := "faust" + kind + string(words)
	name := want
	for i := 2; ; i++ {
		_, used := n.declared[name]
		if !used && !n.taken[name] {
			break
		}
		name = want + strconv.Itoa(i)
	}
	n.taken[name], n.funcs[id] = true, name
	return name
}

// declaration is how a function is told apart from all others of its package.
func declaration(fn *schema.Func) string {
	if fn.Recv != "" {
		return fn.Recv + "." + fn.Go
	}
	return fn.Go
}

// exported is name with its first letter in upper case.
func exported(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(r)) + name[size:]
}

// faust is a name of the runtime's package.
func faust(name string) *jen.Statement { return jen.Qual(runtimePath, name) }

// multi is a composite literal or argument list with one element per line, in the given order.
func multi(elements ...jen.Code) *jen.Statement {
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}, elements...)
}

// literal collects the fields of a struct literal in order and leaves out those with a zero value.
type literal struct{ fields []jen.Code }

func (l *literal) set(name string, value jen.Code) {
	l.fields = append(l.fields, jen.Id(name).Op(":").Add(value))
}

func (l *literal) text(name, value string) {
	if value != "" {
		l.set(name, jen.Lit(value))
	}
}

func (l *literal) int(name string, value int) {
	if value != 0 {
		l.set(name, jen.Lit(value))
	}
}

func (l *literal) bool(name string, value bool) {
	if value {
		l.set(name, jen.True())
	}
}

func (l *literal) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	l.set(name, jen.Index().String().ValuesFunc(func(g *jen.Group) {
		for _, v := range values {
			g.Lit(v)
		}
	}))
}

// slice sets a field to a slice of struct literals, one field per line.
func (l *literal) slice(name, element string, literals []*literal) {
	if len(literals) == 0 {
		return
	}
	rows := make([]jen.Code, 0, len(literals))
	for _, row := range literals {
		rows = append(rows, multi(row.fields...))
	}
	l.set(name, jen.Index().Add(faust(element)).Add(multi(rows...)))
}
