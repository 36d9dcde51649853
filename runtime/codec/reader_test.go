package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// read reads a document of nested arrays, objects and numbers as generated code would, into text.
func read(r *Reader, b *strings.Builder) {
	switch r.peek() {
	case '[':
		for in := r.Array(); in && r.Elem(); {
			read(r, b)
			b.WriteByte(';')
		}
	case '{':
		for in := r.Object(); in && r.Member(); {
			b.WriteString(r.Key() + "=")
			read(r, b)
			b.WriteByte(';')
		}
	default:
		var n int
		r.Int(&n)
		fmt.Fprint(b, n)
	}
}

// Structure is read with the same strictness whether it is read or skipped.
func TestStructure(t *testing.T) {
	for _, doc := range []string{
		`[]`, `{}`, `[1]`, `[1,2]`, ` [ 1 , 2 ] `, `{"a":1}`, ` { "a" : 1 , "b" : [ ] } `, "[\n1\t,\r2]", `[[[]],{"a":{}}]`, `[null]`, `{"a\u0062":1,"":2}`,
		`[`, `]`, `{`, `}`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `[1}`, `{"a":1]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{"a" 1}`, `{a:1}`, `{1:1}`, `{"a":1 "b":2}`, `{"a":1,,"b":2}`,
		`[1]]`, `[1] 2`, `{}{}`, ``, ` `, `[1,2`, `{"a":[1,{"b":2}],"c":[]}`, `[[1]`, "[1\v]", "[1,\u00a02]", `{"a":1,"a":2}`, `tru`, `[true`, `[nul]`, `{"a`, `{"a":1,"b`, "{\"a\x01\":1}",
	} {
		valid := json.Valid([]byte(doc))
		var r Reader
		var b strings.Builder
		r.Reset([]byte(doc))
		read(&r, &b)
		if err := r.Finish(); (err == nil) != valid {
			t.Errorf("%q: %v; encoding/json says valid: %v", doc, err, valid)
		}
		r.Reset([]byte(doc))
		r.Skip()
		if err := r.Finish(); (err == nil) != valid {
			t.Errorf("%q skipped: %v; encoding/json says valid: %v", doc, err, valid)
		}
		r.Reset([]byte(doc))
		if raw := r.Raw(); valid && string(raw) != strings.Trim(doc, " \n\t\r") || r.Err() != nil && raw != nil {
			t.Errorf("%q raw is %q", doc, raw)
		}
	}
}

// Numbers and literals are skipped as strictly as encoding/json checks them.
func TestSkipScalars(t *testing.T) {
	for _, doc := range []string{
		"0", "-0", "1", "-1", "01", "-", "--1", "+1", "1.", "1.0", ".5", "1e", "1e5", "1E+5", "1e-", "1e+07", "1.5e3", "1.e5", "0x1", "1_0", "NaN", "Infinity", "-Infinity", "1 2", "12a",
		"true", "false", "null", "True", "nulll", "t", "f", "n", "truefalse", strings.Repeat("9", 400), "1" + strings.Repeat("0", 400) + ".5e-400",
	} {
		var r Reader
		r.Reset([]byte(doc))
		r.Skip()
		if err := r.Finish(); (err == nil) != json.Valid([]byte(doc)) {
			t.Errorf("%q: %v; encoding/json says valid: %v", doc, err, json.Valid([]byte(doc)))
		}
	}
}

// Ten thousand levels are read, one more is an error, read or skipped.
func TestDepth(t *testing.T) {
	for _, kind := range []string{"[]", `{"a":}`} {
		open, end := kind[:len(kind)-1], kind[len(kind)-1:]
		for _, levels := range []int{1, 63, 64, 65, MaxDepth, MaxDepth + 1} {
			doc := strings.Repeat(open, levels) + "1" + strings.Repeat(end, levels)
			var r Reader
			r.Reset([]byte(doc))
			r.Skip()
			if err := r.Finish(); (err == nil) != (levels <= MaxDepth) {
				t.Errorf("%d levels of %s skipped: %v", levels, kind, err)
			}
			var b strings.Builder
			r.Reset([]byte(doc))
			read(&r, &b)
			if err := r.Finish(); (err == nil) != (levels <= MaxDepth) {
				t.Errorf("%d levels of %s read: %v", levels, kind, err)
			}
		}
	}
	var r Reader
	for range 3 { // the depth begins anew with each document, and after an error
		r.Reset([]byte(strings.Repeat("[", MaxDepth+5)))
		if r.Skip(); r.Err() == nil {
			t.Error("too many levels are no error")
		}
	}
	r.Reset([]byte("[[]]"))
	if r.Skip(); r.Finish() != nil {
		t.Error(r.Err())
	}
}

// Integers have the ranges of their types; fractions, exponents and leading zeros are errors.
func TestIntegers(t *testing.T) {
	docs := []string{
		"0", "-0", "7", "-7", "127", "128", "-128", "-129", "255", "256", "32767", "32768", "-32768", "-32769", "65535", "65536", "2147483647", "2147483648", "-2147483648", "-2147483649",
		"4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
		"18446744073709551617", "99999999999999999999999", "1234567890123456789", "007", "-01", "1.0", "1.5", "1e2", "1E2", "12.", "+1", "- 1", "-", "1,000", "\"1\"", "true", "null", "nul", "[1]", "{}", "", "1a",
	}
	for _, doc := range docs {
		checkNumber(t, doc, (*Reader).Int)
		checkNumber(t, doc, (*Reader).Int8)
		checkNumber(t, doc, (*Reader).Int16)
		checkNumber(t, doc, (*Reader).Int32)
		checkNumber(t, doc, (*Reader).Int64)
		checkNumber(t, doc, (*Reader).Uint)
		checkNumber(t, doc, (*Reader).Uint8)
		checkNumber(t, doc, (*Reader).Uint16)
		checkNumber(t, doc, (*Reader).Uint32)
		checkNumber(t, doc, (*Reader).Uint64)
		checkNumber(t, doc, (*Reader).Float32)
		checkNumber(t, doc, (*Reader).Float64)
		checkNumber(t, doc, (*Reader).Bool)
	}
}

func checkNumber[T comparable](t *testing.T, doc string, read func(*Reader, *T)) {
	t.Helper()
	var want, got T
	wantErr := json.Unmarshal([]byte(doc), &want)
	var r Reader
	r.Reset([]byte(doc))
	read(&r, &got)
	if err := r.Finish(); (err == nil) != (wantErr == nil) || err == nil && got != want {
		t.Errorf("%q as %T is %v, %v; encoding/json says %v, %v", doc, got, got, err, want, wantErr)
	}
}

// An error says what was expected where, what stands there, and is typed.
func TestSyntaxError(t *testing.T) {
	for _, test := range []struct{ doc, want string }{
		{`{"orders":[{"id":1},{"price":"abc"}]}`, `json: orders[1].price: expected an integer, found "\"abc\"}]}" (at byte 29)`},
		{`{"a":1`, `json: a: expected a comma or the end of the object, found the end (at byte 6)`},
		{`{"a":1]`, `json: a: expected a comma or the end of the object, found "]" (at byte 6)`},
		{`{"a" 1}`, `json: the document: expected a colon, found "1}" (at byte 5)`},
		{`[1,2,,3]`, `json: [2]: expected an integer, found ",3]" (at byte 5)`},
		{`{"x":{"y\"z":[[0],[0,12345678901234567890]]}}`, `json: x.y\"z[1][1]: expected an integer of ` + strconv.Itoa(strconv.IntSize) + ` bits, found "12345678901234567890]]}}" (at byte 21)`},
		{`1 2`, `json: the document: expected the end of the document, found "2" (at byte 2)`},
		{``, `json: the document: expected an integer, found the end (at byte 0)`},
		{`{"a":3000000000000000000000,"b":"a rather long text that goes on"}`, `json: a: expected an integer of 64 bits, found "3000000000000000000000,\""… (at byte 5)`},
		{`{"a":1.5}`, `json: a: expected an integer, found "1.5}" (at byte 5)`},
		{`{"a":trap}`, `json: a: expected an integer, found "trap}" (at byte 5)`},
		{`{"a":nil}`, `json: a: expected null, found "nil}" (at byte 5)`},
		{`{a:1}`, `json: the document: expected the name of a member, found "a:1}" (at byte 1)`},
	} {
		var r Reader
		var b strings.Builder
		r.Reset([]byte(test.doc))
		read(&r, &b)
		err := r.Finish()
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: %v", test.doc, err)
			continue
		}
		if err.Error() != test.want {
			t.Errorf("%s:\n is   %v\n want %v", test.doc, err, test.want)
		}
	}
}

// The first error stays, and nothing is read after it.
func TestErrorsStick(t *testing.T) {
	var r Reader
	r.Reset([]byte(`[x,1,"a",{}]`))
	n, s := 0, "kept"
	for r.Array(); r.Elem(); {
		r.Int(&n)
	}
	first := r.Err()
	r.String(&s)
	r.Skip()
	if r.Object() || r.Array() || r.Null() || r.Quoted() || r.Raw() != nil {
		t.Error("something was read after an error")
	}
	r.Fail(errors.New("another"))
	if r.Finish() != first || s != "kept" || n != 0 {
		t.Errorf("%v, %q, %d; the first error was %v", r.Finish(), s, n, first)
	}
	r.Reset([]byte("1"))
	r.Fail(errors.New("bad coin"))
	if err := r.Finish(); err == nil || err.Error() != "bad coin" {
		t.Errorf("a foreign error of the document is %v", err)
	}
	r.Reset([]byte(`{"a":[1,2]}`))
	r.Object()
	r.Member()
	r.Array()
	r.Elem()
	r.Skip()
	if r.Fail(errors.New("bad coin")); r.Err().Error() != "json: a[0]: bad coin" {
		t.Errorf("a foreign error is %v", r.Err())
	}
}

// Values in quotes are read without white space around them.
func TestQuoted(t *testing.T) {
	for _, test := range []struct {
		doc  string
		want int
		ok   bool
	}{
		{`"12"`, 12, true}, {`"-3"`, -3, true}, {`"null"`, 7, true}, {`null`, 7, true}, {`"\u0031"`, 1, true}, {`12`, 0, false}, {`""`, 0, false}, {`" 1"`, 0, false}, {`"1 "`, 0, false},
		{`"1.5"`, 0, false}, {`"x"`, 0, false}, {`"\"1\""`, 0, false}, {`true`, 0, false}, {`"1`, 0, false}, {`"1"2`, 0, false}, {`"007"`, 0, false},
	} {
		var r Reader
		r.Reset([]byte(test.doc))
		n := 7
		if r.Quoted() {
			r.Int(&n)
			r.Unquote()
		}
		if err := r.Finish(); (err == nil) != test.ok || err == nil && n != test.want {
			t.Errorf("%s is %d, %v", test.doc, n, err)
		}
	}
	var r Reader
	r.Reset([]byte(`{"n":"1x"}`))
	for r.Object(); r.Member(); {
		if n := 0; r.Quoted() {
			r.Int(&n)
			r.Unquote()
		}
	}
	if err := r.Finish(); err == nil || err.Error() != `json: n: expected the end of the quoted value, found "x" (at byte 9)` {
		t.Error(err)
	}
}

// Errors of encoding carry the place in the record.
func TestEncodeError(t *testing.T) {
	cause := errors.New("the price is odd")
	err := At("orders", AtIndex(3, At("price", cause)))
	if err.Error() != "json: orders[3].price: the price is odd" || !errors.Is(err, cause) {
		t.Error(err)
	}
	if err := At("a", fmt.Errorf("call: %w", At("b", cause))); err.Error() != "json: a: call: json: b: the price is odd" {
		t.Error(err)
	}
}
