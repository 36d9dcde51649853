package codec

import (
	"errors"
	"strings"
	"testing"
)

func TestValidationError(t *testing.T) {
	var vs []Violation
	if Invalid(vs) != nil {
		t.Error("no violation is an error")
	}
	vs = Missing(vs, "name")
	vs = Violate(vs, "price", "gte=1", "must be at least 1", 0.5, false)
	vs = Violate(vs, "color", "oneof=red green", "must be one of red, green", "blue", false)
	vs = Violate(vs, "code", "len=3", "must have 3 characters", "é", true)
	vs = Violate(vs, "note", "ne=x", "must not be x", strings.Repeat("x", 50), false)
	n := len(vs)
	vs = Violate(vs, "count", "lt=100", "must be less than 100", 100, false)
	WithinIndex(vs[n:], 2)
	Within(vs[n:], "lines")
	n = len(vs)
	vs = append(vs, Violation{Text: "the sum is wrong"})
	WithinKey(vs[n:], "a")
	Within(vs[n:], "by_name")
	vs = Violate(vs, "tags", "max=1", "must have at most 1 element", []string{"a", "b"}, true)

	err := Invalid(vs)
	var invalid *ValidationError
	if !errors.As(err, &invalid) || len(invalid.Violations) != 8 {
		t.Fatalf("%v", err)
	}
	want := `validate: name: must be given (required); price: must be at least 1 (gte=1), is 0.5; color: must be one of red, green (oneof=red green), is "blue"; ` +
		`code: must have 3 characters (len=3), has 1; note: must not be x (ne=x), is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"…; ` +
		`lines[2].count: must be less than 100 (lt=100), is 100; by_name[a]: the sum is wrong; tags: must have at most 1 element (max=1), has 2`
	if err.Error() != want {
		t.Errorf("is\n%v\nwant\n%s", err, want)
	}
}

func TestSortByPath(t *testing.T) {
	vs := []Violation{{Path: "[b].x"}, {Path: "[a].z"}, {Path: "[a].z", Rule: "second"}, {Path: "[a].a"}}
	SortByPath(vs)
	if vs[0].Path != "[a].a" || vs[1].Rule != "" || vs[2].Rule != "second" || vs[3].Path != "[b].x" {
		t.Errorf("%v", vs)
	}
}
