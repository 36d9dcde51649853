package codec

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// Floats are read as strconv reads them, whatever their length.
func TestFloat64IsNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	check := func(text string) {
		t.Helper()
		want, err := strconv.ParseFloat(text, 64)
		var got float64
		var rd Reader
		rd.Reset([]byte(text))
		rd.Float64(&got)
		if gotErr := rd.Finish(); (gotErr == nil) != (err == nil) || err == nil && math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%s is %v, %v; strconv says %v, %v", text, got, gotErr, want, err)
		}
		want32, err := strconv.ParseFloat(text, 32)
		var got32 float32
		rd.Reset([]byte(text))
		rd.Float32(&got32)
		if gotErr := rd.Finish(); (gotErr == nil) != (err == nil) || err == nil && got32 != float32(want32) {
			t.Errorf("%s is %v, %v as float32; strconv says %v, %v", text, got32, gotErr, want32, err)
		}
	}
	for _, text := range []string{
		"0", "-0", "0.0", "1", "-1.5", "9007199254740993", "9007199254740992", "18446744073709551615", "18446744073709551616", "1e400", "-1e400", "1e-400",
		"2.2250738585072011e-308", "2.2250738585072014e-308", "2.4703282292062327e-324", "1.7976931348623157e308", "1.7976931348623158e308", "1e23", "8.5e22",
		"0.000001", "123456789012345678901234567890", "0.1", "3.4e38", "3.5e38", "16777217", "1.00000017881393432617187499", "4.35", "0.30000000000000004",
	} {
		check(text)
	}
	for range 20000 {
		check(strconv.FormatFloat(math.Float64frombits(r.Uint64()&^(0x7ff<<52)|uint64(900+r.IntN(250))<<52), "eg"[r.IntN(2)], r.IntN(18), 64))
		check(strconv.FormatFloat(r.Float64()*1000, 'f', -1, 64))
		check(strconv.FormatFloat(r.NormFloat64()*math.Pow(10, float64(r.IntN(80)-40)), 'f', r.IntN(20), 64))
	}
}

// Floats are written as encoding/json writes them.
func TestAppendFloatIsEncodingJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	check := func(f float64) {
		t.Helper()
		want, err := json.Marshal(f)
		got, gotErr := AppendFloat64(nil, f)
		if string(got) != string(want) || (err == nil) != (gotErr == nil) {
			t.Errorf("%v is %s, %v; encoding/json says %s, %v", f, got, gotErr, want, err)
		}
		want, err = json.Marshal(float32(f))
		got, gotErr = AppendFloat32(nil, float32(f))
		if string(got) != string(want) || (err == nil) != (gotErr == nil) {
			t.Errorf("%v is %s, %v as float32; encoding/json says %s, %v", f, got, gotErr, want, err)
		}
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 0.5, 1e-6, 9.99e-7, 1e20, 1e21, 1e-9, 123456.789, 999999999, 1e9, 0.001, 0.0005, 0.999999, 100, 1.0000005, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		check(f)
		check(-f)
	}
	for range 20000 {
		check(float64(r.IntN(1e9)) / math.Pow(10, float64(r.IntN(9))))
		check(r.NormFloat64() * math.Pow(10, float64(r.IntN(60)-30)))
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if b, err := AppendFloat64([]byte("x"), f); err == nil || string(b) != "x" {
			t.Errorf("%v is %s, %v", f, b, err)
		}
		if b, err := AppendFloat32([]byte("x"), float32(f)); err == nil || string(b) != "x" {
			t.Errorf("%v is %s, %v as float32", f, b, err)
		}
	}
}
