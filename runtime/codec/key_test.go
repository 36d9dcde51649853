package codec

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"
)

type (
	accountID string
	rank      int16
	hash      [4]byte
)

// checkKey writes a key, reads it back, and compares the bytes that decide its partition, its JSON and its text form.
func checkKey[K any](t *testing.T, key Key[K], k K, wantBytes, wantJSON, text string) {
	t.Helper()
	b, err := key.Append([]byte("x"), k)
	if err != nil || string(b) != "x"+wantBytes {
		t.Errorf("%v is %q, %v, not %q", k, b[1:], err, wantBytes)
		return
	}
	back, err := key.Decode(b[1:])
	if err != nil || fmt.Sprint(back) != fmt.Sprint(k) {
		t.Errorf("%v came back as %v, %v", k, back, err)
	}
	if j, err := key.AppendJSON([]byte("x"), k); err != nil || string(j) != "x"+wantJSON {
		t.Errorf("%v is %s, %v in JSON, not %s", k, j, err, wantJSON)
	}
	if p, err := key.Parse(text); err != nil || fmt.Sprint(p) != fmt.Sprint(k) {
		t.Errorf("the text %q is %v, %v, not %v", text, p, err, k)
	}
}

func TestKeys(t *testing.T) {
	checkKey(t, StringKey[string](), "ann", "ann", `"ann"`, "ann")
	checkKey(t, StringKey[accountID](), "a\"ë", "a\"ë", `"a\"ë"`, "a\"ë")
	checkKey(t, StringKey[string](), "", "", `""`, "")
	checkKey(t, BytesKey[[]byte](), []byte{0, 255}, "\x00\xff", `"AP8="`, "\x00\xff")
	array := ArrayKey(func(h *hash) []byte { return h[:] })
	checkKey(t, array, hash{1, 2, 3, 255}, "\x01\x02\x03\xff", `[1,2,3,255]`, "010203ff")
	checkKey(t, array, hash{'a', 'b', 'c', 'd'}, "abcd", `[97,98,99,100]`, "abcd")
	checkKey(t, IntKey[int64](), -42, "-42", "-42", "-42")
	checkKey(t, IntKey[int64](), math.MinInt64, "-9223372036854775808", "-9223372036854775808", "-9223372036854775808")
	checkKey(t, IntKey[rank](), 7, "7", "7", "7")
	checkKey(t, UintKey[uint64](), math.MaxUint64, "18446744073709551615", "18446744073709551615", "18446744073709551615")
	checkKey(t, BoolKey[bool](), true, "true", "true", "true")
	checkKey(t, BoolKey[bool](), false, "false", "false", "false")
	at := time.Date(2024, 1, 2, 3, 4, 5, 600, time.UTC)
	checkKey(t, TimeKey(), at, "2024-01-02T03:04:05.0000006Z", `"2024-01-02T03:04:05.0000006Z"`, "2024-01-02T04:04:05.0000006+01:00")
	checkKey(t, BigEndian[int64](), 1, "\x00\x00\x00\x00\x00\x00\x00\x01", "1", "1")
	checkKey(t, BigEndian[int](), -2, "\xff\xff\xff\xff\xff\xff\xff\xfe", "-2", "-2")
	checkKey(t, BigEndian[int32](), -2, "\xff\xff\xff\xfe", "-2", "-2")
	checkKey(t, BigEndian[rank](), 258, "\x00\x00\x01\x02", "258", "258")
	checkKey(t, BigEndian[rank](), -2, "\xff\xff\xff\xfe", "-2", "-2")
	checkKey(t, BigEndian[uint32](), math.MaxUint32, "\xff\xff\xff\xff", "4294967295", "4294967295")
	checkKey(t, TextKey[netip.Addr](), netip.MustParseAddr("10.0.0.1"), "10.0.0.1", `"10.0.0.1"`, "10.0.0.1")
	checkKey(t, FloatText[float64](), 1.5, "1.5", "1.5", "1.5")
	checkKey(t, FloatText[float32](), 0.1, "0.1", "0.1", "0.1")
}

// A key in another zone has the bytes of the same instant in UTC, and comes back in UTC, so that a map finds it.
func TestTimeKeyIsUTC(t *testing.T) {
	key := TimeKey()
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	b, err := key.Append(nil, at)
	if err != nil || string(b) != "2024-01-02T02:04:05Z" {
		t.Fatalf("%s, %v", b, err)
	}
	if back, err := key.Decode(b); err != nil || back != at.UTC() {
		t.Errorf("%#v, %v", back, err)
	}
	if now := time.Now(); key.Normal(at) != at.UTC() || key.Normal(now) != now.Round(0).UTC() {
		t.Errorf("the normal form of %v is %#v, of now %#v", at, key.Normal(at), key.Normal(now))
	}
	if _, err := key.Append(nil, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil {
		t.Error("the year 10000 is a key")
	}
}

// Bytes that another codec would write are refused rather than read as another key.
func TestBadKeys(t *testing.T) {
	refuse := func(name string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, b := range []string{"", "007", "+7", " 7", "7 ", "7.0", "x", "-0", "32768", "1e2"} {
		_, err := IntKey[rank]().Decode([]byte(b))
		refuse("the integer "+b, err)
	}
	for _, b := range []string{"-1", "256", ""} {
		_, err := UintKey[uint8]().Decode([]byte(b))
		refuse("the unsigned integer "+b, err)
		_, err = UintKey[uint8]().Parse(b)
		refuse("the text "+b, err)
	}
	for _, b := range []string{"", "True", "1"} {
		_, err := BoolKey[bool]().Decode([]byte(b))
		refuse("the bool "+b, err)
	}
	for _, b := range []string{"", "00000001", "0000000000010000", "00008000", "0000000000000001"} {
		raw, _ := hex.DecodeString(b)
		_, err := BigEndian[rank]().Decode(raw)
		if b != "00000001" {
			refuse("the big-endian integer "+b, err)
		}
	}
	_, err := BigEndian[int64]().Decode([]byte("1234"))
	refuse("a long of 4 bytes", err)
	_, err = ArrayKey(func(h *hash) []byte { return h[:] }).Decode([]byte("abc"))
	refuse("an array of 3 bytes", err)
	_, err = TimeKey().Decode([]byte("2024-01-02"))
	refuse("a day", err)
	_, err = TextKey[netip.Addr]().Decode([]byte("10.0.0"))
	refuse("half an address", err)
	_, err = FloatText[float64]().Decode([]byte("NaN"))
	refuse("NaN", err)
}

// A decoded key never aliases the bytes it was read from.
func TestKeysAreCopied(t *testing.T) {
	b := []byte("abcd")
	s, _ := StringKey[string]().Decode(b)
	raw, _ := BytesKey[[]byte]().Decode(b)
	b[0] = 'X'
	if s != "abcd" || string(raw) != "abcd" {
		t.Errorf("%q, %q", s, raw)
	}
}

type point struct{ X, Y int }

func appendPoint(dst []byte, p *point) ([]byte, error) {
	dst = AppendInt(append(dst, `{"x":`...), p.X)
	return append(AppendInt(append(dst, `,"y":`...), p.Y), '}'), nil
}

func readPoint(r *Reader, p *point) {
	for in := r.Object(); in && r.Member(); {
		switch string(r.Name()) {
		case "x":
			r.Int(&p.X)
		case "y":
			r.Int(&p.Y)
		default:
			r.Skip()
		}
	}
}

func TestJSONKey(t *testing.T) {
	key := JSONKey(appendPoint, readPoint, nil)
	checkKey(t, key, point{1, -2}, `{"x":1,"y":-2}`, `{"x":1,"y":-2}`, `{ "y": -2, "x": 1 }`)
	if _, err := key.Decode([]byte(`{"x":1}}`)); err == nil {
		t.Error("text behind a key is taken")
	}
	mirrored := JSONKey(appendPoint, readPoint, func(p *point) { p.X = 0 })
	checkKey(t, mirrored, point{0, 3}, `{"x":0,"y":3}`, `{"x":0,"y":3}`, `{"x":5,"y":3}`)
	if key.Normal != nil || mirrored.Normal(point{5, 3}) != (point{0, 3}) {
		t.Error("only keys with times have a normal form")
	}
}

func TestTextAndRawValues(t *testing.T) {
	r := NewReader(Copy)
	text := StringValue[accountID]("text")
	v := accountID("red \"is\" 3")
	b, err := text.Append(nil, &v)
	if err != nil || string(b) != "red \"is\" 3" {
		t.Errorf("%s, %v", b, err)
	}
	var back accountID
	if err := text.Decode(r, b, &back); err != nil || back != v {
		t.Errorf("%q, %v", back, err)
	}
	if b[0] = 'X'; back != v {
		t.Error("a copied text aliases its bytes")
	}
	r.Policy(Borrow)
	if err := text.Decode(r, b, &back); err != nil {
		t.Fatal(err)
	}
	text.Clone(&back)
	if b[0] = 'Y'; back != "Xed \"is\" 3" {
		t.Errorf("a clone is %q", back)
	}
	raw := BytesValue[[]byte]("raw")
	payload := []byte{0, 1, 255}
	b, _ = raw.Append(nil, &payload)
	var data []byte
	if err := raw.Decode(r, b, &data); err != nil || !bytes.Equal(data, payload) || &data[0] == &b[0] {
		t.Errorf("%v, %v", data, err)
	}
	number := Text(IntKey[int](), true, false)
	n := 42
	if b, err := number.Append(nil, &n); err != nil || string(b) != "42" || number.Name != "text" || !number.Flat {
		t.Errorf("%s, %v", b, err)
	}
	if err := number.Decode(r, []byte("x"), &n); err == nil {
		t.Error("x is a number")
	}
}
