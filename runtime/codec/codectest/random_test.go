package codectest

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// fillStruct sets every field that encoding/json writes.
func fillStruct(r *rand.Rand, v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(randomTime(r)))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(256))})))
		return
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
			fill(r, v.Field(i), depth+1)
		}
	}
}

func randomFloat(r *rand.Rand) float64 {
	switch r.IntN(6) {
	case 0:
		return float64(r.IntN(1000))
	case 1:
		return float64(r.IntN(100000)) / 100
	case 2:
		return -float64(r.IntN(10000000)) / 1e6
	case 3:
		return r.NormFloat64() * math.Pow(10, float64(r.IntN(50)-25))
	case 4:
		return 0
	}
	return float64(float32(r.Float64()))
}

func randomText(r *rand.Rand) string {
	pieces := []string{"a", "red", "0123456789", "Zoë", "東京", "\"", "\\", "\n", "\x01", "\u2028", "😀", "<&>", "\xff", " ", "\x7f", "\b\f\r\t"}
	var b strings.Builder
	for range r.IntN(6) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// randomTime has no monotonic clock and a zone as encoding/json would read it.
func randomTime(r *rand.Rand) time.Time {
	t := time.Unix(r.Int64N(1<<33), 0).UTC()
	switch r.IntN(4) {
	case 0:
		t = t.Add(time.Duration(r.IntN(1e9)))
	case 1:
		t = t.Add(time.Duration(r.IntN(1000)) * time.Millisecond)
	case 2:
		t = t.In(time.FixedZone("", 3600*(r.IntN(24)-12)+1800))
	}
	return t
}

// What a record encodes to is what encoding/json makes of it; decoding that gives the record again.
func TestRandomRecords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			for range 300 {
				own, twin := k.new()
				fill(r, reflect.ValueOf(twin).Elem(), 0)
				checkEncode(t, k, own, twin)
				doc, err := own.MarshalJSON()
				if err != nil {
					t.Fatalf("%+v: %v", twin, err)
				}
				checkDecode(t, k, doc)
				checkDecode(t, k, spaced(doc))
				if t.Failed() {
					return
				}
			}
		})
	}
}

// spaced puts white space around every token.
func spaced(doc []byte) []byte {
	var b []byte
	inText := false
	for i := 0; i < len(doc); i++ {
		c := doc[i]
		if inText && c == '\\' {
			b = append(b, c, doc[i+1])
			i++
			continue
		}
		if c == '"' {
			inText = !inText
		}
		if !inText && strings.IndexByte("{}[],:", c) >= 0 {
			b = append(b, " \n"...)
			b = append(b, c, '\t')
			continue
		}
		b = append(b, c)
	}
	return b
}

// Documents that were damaged in one place are taken or refused as encoding/json does, and read as it does.
func TestDamagedDocuments(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pieces := []string{"", " ", "0", "-", ".", "e", "1e5", "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "\x00", "\xff", "\\u00e9", "\n", "[1]", "{}", "\"x\""}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			for range 40 {
				own, twin := k.new()
				fill(r, reflect.ValueOf(twin).Elem(), 2)
				doc, err := own.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				for range 60 {
					at := r.IntN(len(doc))
					end := min(len(doc), at+r.IntN(3))
					piece := pieces[r.IntN(len(pieces))]
					damaged := append(append(append([]byte{}, doc[:at]...), piece...), doc[end:]...)
					if differs(damaged) {
						continue
					}
					checkDecode(t, k, damaged)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}
