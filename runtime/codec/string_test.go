package codec

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// encoded is encoding/json's JSON of v without HTML escapes.
func encoded(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "error: " + err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// randomText is text of all sorts, plain runs of several lengths among it.
func randomText(r *rand.Rand) string {
	var b []byte
	for range r.IntN(6) {
		switch r.IntN(6) {
		case 0:
			b = append(b, byte(r.IntN(256)))
		case 1:
			b = utf8.AppendRune(b, rune(r.IntN(0x11000)))
		case 2:
			b = utf8.AppendRune(b, []rune{0x2028, 0x2029, 0x2027, 0xfffd, 0x1f600, 'é'}[r.IntN(6)])
		default:
			b = append(b, "abcdefghijklmnopqrstuvw"[:r.IntN(20)]...)
		}
	}
	return string(b)
}

// Strings are written as encoding/json writes them, and read back with U+FFFD for what is not UTF-8.
func TestStrings(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	check := func(s string) {
		t.Helper()
		want := encoded(s)
		got := AppendString(nil, s)
		if string(got) != want {
			t.Errorf("%q is %s; encoding/json says %s", s, got, want)
		}
		for _, policy := range []Strings{Copy, Slab, Borrow} {
			rd := NewReader(policy)
			rd.Reset(got)
			var back string
			rd.String(&back)
			if err := rd.Finish(); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && !multiInvalid(s, back) {
				t.Errorf("%q came back as %q, %v", s, back, err)
			}
		}
	}
	for c := range 256 {
		check(string([]byte{byte(c)}))
		check("1234567" + string([]byte{byte(c)}) + "89")
	}
	for _, s := range []string{"", "<a href='x'>&</a>", "\u2028\u2029", "\xed\xa0\x80", "\xf0\x9f\x98", "\xff\xff", "a\"b\\c/d"} {
		check(s)
	}
	for range 5000 {
		check(randomText(r))
	}
}

// multiInvalid compares byte by byte, since ToValidUTF8 replaces a run of invalid bytes once and JSON each byte of it.
func multiInvalid(s, back string) bool { return string([]rune(s)) == back }

// Strings are read as encoding/json reads them, bad ones refused.
func TestStringDocuments(t *testing.T) {
	docs := []string{
		`"\u0041\u005c\u0022"`, `"\u00e9\u00E9"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83dx"`, `"\ud83d\uZZZZ"`, `"\ud83d\ud83d\ude00"`, `"\ud83d\u0041"`,
		`"\u2028"`, "\"\u2028\"", `"\u0000"`, `"\/\b\f\n\r\t"`, `"\x41"`, `"\N"`, `"\`, `"\"`, `"\u12"`, `"\u12"x`, `"`, `"a`, `""`, "\"\n\"", "\"\x1f\"", "\"\x7f\"", "\"a\xffb\"", "\"\xc4\xa2\xc8\"",
		`"abcdefgh\n"`, `"abcdefg\n"`, "\"abcdefgh\xc3\xa9\"", `"abcdefghijklmnop"`, `'a'`, ` "a" `, `"a" "b"`, "\"a\x00\"", `null`, `nul`, `nullx`, `12`, `[]`, `{}`, ``, ` `, "\ufeff\"a\"",
	}
	for _, doc := range docs {
		var want string
		wantErr := json.Unmarshal([]byte(doc), &want)
		for _, policy := range []Strings{Copy, Slab, Borrow} {
			r := NewReader(policy)
			r.Reset([]byte(doc))
			var got string
			r.String(&got)
			if err := r.Finish(); (err == nil) != (wantErr == nil) || err == nil && got != want {
				t.Errorf("%q is %q, %v; encoding/json says %q, %v", doc, got, err, want, wantErr)
			}
			if r.Reset([]byte(doc)); r.peek() != 0 {
				r.Skip()
				if err := r.Finish(); (err == nil) != json.Valid([]byte(doc)) {
					t.Errorf("%q skipped: %v; encoding/json says valid: %v", doc, err, json.Valid([]byte(doc)))
				}
			}
		}
	}
}

// What a copying reader returns survives its document, what a borrowing one returns is the document's own bytes.
func TestStringPolicies(t *testing.T) {
	for _, policy := range []Strings{Copy, Slab, Borrow} {
		doc := []byte(`["plain","esc\naped","` + strings.Repeat("long", 600) + `"]`)
		r := NewReader(policy)
		r.Reset(doc)
		var got []string
		for r.Array(); r.Elem(); {
			r.String(Grow(&got))
		}
		if err := r.Finish(); err != nil || len(got) != 3 {
			t.Fatalf("%v, %v", got, err)
		}
		for i := range doc {
			doc[i] = '#'
		}
		kept := got[0] == "plain" && got[2] == strings.Repeat("long", 600)
		if kept == (policy == Borrow) || got[1] != "esc\naped" {
			t.Errorf("policy %d gives %.20q after its document has changed", policy, got)
		}
	}
}

// Strings inside quotes that were unescaped are the Reader's own bytes, which the next such value overwrites: they are copied even when
// strings are borrowed.
func TestBorrowedQuotedStrings(t *testing.T) {
	r := NewReader(Borrow)
	var first, second string
	r.Reset([]byte(`["\"\u00e9t\u00e9 \"","\"other \""]`))
	r.Array()
	for _, p := range []*string{&first, &second} {
		if r.Elem() && r.Quoted() {
			r.String(p)
			r.Unquote()
		}
	}
	if r.Elem() || r.Finish() != nil || first != "été " || second != "other " {
		t.Errorf("%q, %q, %v", first, second, r.Err())
	}
}

// A slab's strings never share bytes that are written again, and cost a hundredth of an allocation each.
func TestSlab(t *testing.T) {
	r := NewReader(Slab)
	doc := []byte(`"abcdefghijklmnopqrstuvwxyz0123456789"`)
	var all []string
	for range 1000 {
		var s string
		r.Reset(doc)
		r.String(&s)
		all = append(all, s)
		doc[1]++
		if doc[1] > 'z' {
			doc[1] = 'a'
		}
	}
	for i, s := range all {
		if want := byte('a' + i%26); s[0] != want || s[1:] != "bcdefghijklmnopqrstuvwxyz0123456789" {
			t.Fatalf("string %d is %q", i, s)
		}
	}
	var s string
	allocations := testing.AllocsPerRun(1000, func() {
		r.Reset(doc)
		r.String(&s)
	})
	if allocations > 0.02 {
		t.Errorf("a string of 36 bytes costs %v allocations", allocations)
	}
}
