package schema

import (
	"testing"
	"time"
)

func TestSnakeCase(t *testing.T) {
	for name, want := range map[string]string{
		"Orders": "orders", "OrderCount": "order_count", "OrderID": "order_id", "URLViews": "url_views", "HTTPServer": "http_server",
		"orderIDs": "order_ids", "IDs": "ids", "URLs": "urls", "ID": "id", "A": "a", "AB": "ab", "ABTest": "ab_test", "HTTP2Calls": "http2_calls",
		"Last7Days": "last7_days", "snake_case": "snake_case", "Snake_Case": "snake_case", "X": "x", "PageViewsByURL": "page_views_by_url", "ÄrgerZahl": "ärger_zahl",
		"IsADog": "is_a_dog",
	} {
		if got := SnakeCase(name); got != want {
			t.Errorf("SnakeCase(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestInternalNames(t *testing.T) {
	for _, c := range []struct {
		app                              App
		prefix, repartition, log, letter string
	}{
		{App{ID: "shop"}, "shop", "shop-count-repartition", "shop-totals-changelog", "shop-count-dlq"},
		{App{ID: "shop", Version: 1}, "shop", "shop-count-repartition", "shop-totals-changelog", "shop-count-dlq"},
		{App{ID: "shop", Version: 2}, "shop-v2", "shop-v2-count-repartition", "shop-v2-totals-changelog", "shop-v2-count-dlq"},
	} {
		got := []string{c.app.Prefix(), c.app.RepartitionTopic("count"), c.app.ChangelogTopic("totals"), c.app.DeadLetterTopic("count")}
		for i, want := range []string{c.prefix, c.repartition, c.log, c.letter} {
			if got[i] != want {
				t.Errorf("version %d: %q, want %q", c.app.Version, got[i], want)
			}
		}
	}
}

func TestWorkerDir(t *testing.T) {
	for _, c := range []struct {
		pkg  Package
		want string
	}{
		{Package{Name: "shop"}, ""},
		{Package{Name: "shop", App: &App{ID: "shop"}}, "cmd/shop"},
		{Package{Name: "shop", App: &App{ID: "shop", Worker: "../cmd/x"}}, "../cmd/x"},
		{Package{Name: "main", App: &App{ID: "shop"}}, ""},
	} {
		if got := c.pkg.WorkerDir(); got != c.want {
			t.Errorf("WorkerDir = %q, want %q", got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"agent", "topic", "topics", "table", "tables", "record", "group_by"}
	for word, want := range map[string]string{
		"agnet": "agent", "Agent": "agent", "recrod": "record", "topik": "topic", "tabel": "table", "groupby": "group_by", "frobnicate": "", "x": "", "tpc": "",
	} {
		if got := Nearest(word, candidates); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	for _, c := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"agnet", []string{"agent", "app"}, "did you mean agent?"},
		{"zzz", []string{"b", "a"}, "use one of a, b"},
		{"zzz", []string{"only"}, "the only one is only"},
		{"zzz", nil, ""},
	} {
		if got := DidYouMean(c.word, c.candidates); got != c.want {
			t.Errorf("DidYouMean(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"1h": time.Hour, "90s": 90 * time.Second, "1d": 24 * time.Hour, "7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "1d0s": 24 * time.Hour, "1.5h": 90 * time.Minute,
	} {
		if got, err := ParseDuration(s); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "1w", "one", "1.5d", "-1d", "1d-1h", "1h1d", "99999999d", "1d1d"} {
		if got, err := ParseDuration(s); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", s, got)
		}
	}
}

func TestTypeIdentity(t *testing.T) {
	str := &Type{Kind: String, Go: "string"}
	id := &Type{Kind: String, Pkg: "a", Name: "ID", Go: "ID"}
	generic := func(arg *Type) *Type {
		return &Type{Kind: Struct, Pkg: "a", Name: "Page", Args: []*Type{arg}, Record: "x", Go: "Page"}
	}
	types := []*Type{
		str, id, {Kind: Bytes}, {Kind: Time}, {Kind: Duration}, {Kind: Slice, Elem: str}, {Kind: Slice, Elem: id}, {Kind: Pointer, Elem: str},
		{Kind: Array, Elem: str, Len: 2}, {Kind: Array, Elem: str, Len: 3}, {Kind: Map, Key: str, Elem: id}, {Kind: Map, Key: id, Elem: str},
		generic(str), generic(id), {Kind: Foreign, Go: "interface{}"}, {Kind: Foreign, Go: "struct{}"}, {Kind: Int}, {Kind: Int64},
	}
	for i, a := range types {
		for j, b := range types {
			if a.Same(b) != (i == j) {
				t.Errorf("%s and %s: Same is %v", a.ID(), b.ID(), a.Same(b))
			}
		}
	}
}
