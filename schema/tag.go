package schema

import (
	"fmt"
	"strconv"
	"strings"
)

// FieldTag is what a faust:"…" tag says.
type FieldTag struct {
	Layout, Epoch, Default string
	HasDefault, Skip       bool
}

// laterTags are the words of the faust tag that this version does not build.
var laterTags = map[string]string{
	"coerce":    "give the field the type that is sent",
	"in":        "use the name on the wire as the json name",
	"exclude":   `leave the field out of the record, or tag it json:"-"`,
	"rest":      "name the fields you need; others are skipped",
	"secret":    "leave the tag out: records are not printed",
	"sensitive": "leave the tag out: records are not printed",
	"personal":  "leave the tag out: records are not printed",
}

// ParseFieldTag reads a faust:"…" tag: words joined by commas, layout= and default= last since their values may hold
// commas. The second result is what is wrong and what to do, with its rule.
func ParseFieldTag(tag string) (f FieldTag, wrong []Diagnostic) {
	report := func(rule, hint, format string, args ...any) {
		wrong = append(wrong, Diagnostic{Rule: rule, Text: fmt.Sprintf(format, args...), Hint: hint})
	}
	for rest := tag; rest != ""; {
		if v, ok := strings.CutPrefix(rest, "default="); ok {
			f.Default, f.HasDefault = v, true
			break
		}
		if v, ok := strings.CutPrefix(rest, "layout="); ok {
			f.Layout, f.Default, f.HasDefault = cutDefault(v)
			if f.Layout == "" {
				report("F029", `write it as Go's time package does: layout=02/01/2006 15:04:05`, "layout= has no value")
			}
			break
		}
		var word string
		word, rest, _ = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(word, "=")
		instead, later := laterTags[name]
		if word == "default" || word == "layout" {
			report("F027", "write "+word+"=…, as the last word", "%s has no value", word)
			continue
		}
		switch {
		case word == "-":
			f.Skip = true
		case name == "epoch" && f.Epoch != "":
			report("F027", "keep one of them", "epoch is given twice")
		case name == "epoch":
			f.Epoch = value
			if value != "s" && value != "ms" && value != "us" {
				f.Epoch = ""
				report("F029", "write epoch=s, epoch=ms or epoch=us", "epoch is %q", value)
			}
		case later:
			report("F007", instead, "the language has %q in the faust tag, this version does not build it yet", name)
		case word == "":
			report("F027", "leave it out", "the faust tag %q holds an empty word", tag)
		default:
			report("F027", DidYouMean(name, []string{"layout", "epoch", "default", "-"}), "the faust tag has no word %q", name)
		}
	}
	return f, wrong
}

// cutDefault divides the value of layout= from a default= behind it.
func cutDefault(s string) (layout, value string, has bool) {
	return strings.Cut(s, ",default=")
}

// ValidateWords are the rules of go-playground's validate tag that are compiled to code.
var ValidateWords = []string{"required", "gte", "lte", "gt", "lt", "min", "max", "oneof", "len", "eq", "ne"}

// ParseValidate reads a validate:"…" tag. Of a rule it does not know it says so; whether a rule fits its field's type is
// for Check.
func ParseValidate(tag string) (required bool, rules []Rule, wrong []Diagnostic) {
	for word := range strings.SplitSeq(tag, ",") {
		name, arg, hasArg := strings.Cut(strings.TrimSpace(word), "=")
		report := func(hint, format string, args ...any) {
			wrong = append(wrong, Diagnostic{Rule: "F028", Text: fmt.Sprintf(format, args...), Hint: hint})
		}
		switch {
		case name == "required" && !hasArg:
			required = true
		case name == "required":
			report("write required alone", "the rule required takes no value")
		case !isValidateWord(name):
			report(DidYouMean(name, ValidateWords), "the validation rule %q is not one that is compiled", name)
		case strings.Contains(arg, "|"):
			report("use oneof=… for alternatives, or a check in the agent", "alternatives of rules, as in %q, are not compiled", strings.TrimSpace(word))
		case name == "oneof" && openQuote(arg):
			report("write oneof='dark blue' red", "a quote in oneof=%s is not closed", arg)
		case !hasArg || arg == "":
			report("write "+name+"="+exampleArg(name), "the rule %s has no value", name)
		default:
			rules = append(rules, Rule{Name: name, Arg: arg})
		}
	}
	return required, rules, wrong
}

func isValidateWord(name string) bool {
	for _, w := range ValidateWords {
		if w == name {
			return true
		}
	}
	return false
}

// exampleArg is a value for the hint of a rule that lacks one.
func exampleArg(rule string) string {
	if rule == "oneof" {
		return "red green"
	}
	return "1"
}

// SplitOneOf returns the words of a oneof rule: separated by spaces, in single quotes if they hold one.
func SplitOneOf(arg string) []string {
	var words []string
	for arg = strings.TrimSpace(arg); arg != ""; arg = strings.TrimLeft(arg, " ") {
		var word string
		if rest, ok := strings.CutPrefix(arg, "'"); ok {
			word, arg, _ = strings.Cut(rest, "'")
		} else {
			word, arg, _ = strings.Cut(arg, " ")
		}
		words = append(words, word)
	}
	return words
}

// openQuote says whether a oneof rule has a quote that begins a word and does not end.
func openQuote(arg string) bool {
	for arg = strings.TrimSpace(arg); arg != ""; arg = strings.TrimLeft(arg, " ") {
		rest, quoted := strings.CutPrefix(arg, "'")
		end := " "
		if quoted {
			arg, end = rest, "'"
		}
		_, rest, found := strings.Cut(arg, end)
		if quoted && !found {
			return true
		}
		arg = rest
	}
	return false
}

// ParseInt reads an integer of a number type's size, as a rule or a default gives it.
func ParseInt(t *Type, s string) error {
	if t.IsUnsigned() {
		_, err := strconv.ParseUint(s, 10, t.Bits())
		return err
	}
	_, err := strconv.ParseInt(s, 10, t.Bits())
	return err
}
