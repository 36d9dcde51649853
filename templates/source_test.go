package templates

import (
	"strings"
	"testing"
	"time"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

func TestImportsAreGroupedAndAliasedOnlyWhereNeeded(t *testing.T) {
	pkg := &schema.Package{
		Path: "shop/app", Name: "app", Module: "shop",
		Topics: &schema.Topics{Fields: []*schema.Topic{{
			Key:   &schema.Type{Kind: schema.String, Pkg: "shop/go-ids", Name: "ID", Go: "ids.ID"},
			Value: &schema.Type{Kind: schema.Slice, Go: "[]models.Order", Elem: &schema.Type{Kind: schema.Struct, Pkg: "shop/models", Name: "Order", Go: "models.Order"}},
		}}},
	}
	source, err := render(pkg, func(imports map[string]string) (*jen.File, error) {
		f := newFile(pkg.Path, pkg.Name, imports)
		f.Var().Id("a").Qual("shop/models", "Order")
		f.Var().Id("b").Qual("shop/go-ids", "ID")
		f.Comment("c has a comment.")
		f.Var().Id("c").Qual("time", "Time")
		f.Var().Id("d").Qual(runtimePath, "App")
		f.Func().Id("models2").Params(jen.Id("time").Int()).Block()
		return f, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Header + `

package app

import (
	timepkg "time"

	faust "github.com/faustgen/faustgen/runtime"
	ids "shop/go-ids"
	"shop/models"
)

var a models.Order

var b ids.ID

// c has a comment.
var c timepkg.Time

var d faust.App

func models2(time int) {}
`
	if string(source) != want {
		t.Errorf("got\n%s\nwant\n%s", source, want)
	}
}

func TestRenderQuotesWhatDoesNotParse(t *testing.T) {
	_, err := render(&schema.Package{}, func(map[string]string) (*jen.File, error) {
		f := newFile("x", "x", nil)
		f.Id("wrong wrong")
		return f, nil
	})
	if err == nil || !strings.Contains(err.Error(), "wrong wrong") {
		t.Errorf("the error is %v; it should show the source", err)
	}
}

func TestDuration(t *testing.T) {
	for nanoseconds, want := range map[int64]string{
		-1: "-1", 0: "0", 1: "time.Nanosecond", 1500: "1500 * time.Nanosecond", 250e6: "250 * time.Millisecond",
		60e9: "time.Minute", 90e9: "90 * time.Second", 86400e9: "24 * time.Hour",
	} {
		if got := strings.TrimSpace(duration(time.Duration(nanoseconds)).GoString()); got != want {
			t.Errorf("duration(%d) is %s, want %s", nanoseconds, got, want)
		}
	}
}
