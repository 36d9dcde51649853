package codectest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	goccy "github.com/goccy/go-json"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/codec/codectest/plain"
)

// benchOrders are 64 different orders, so that no branch predictor learns one by heart.
func benchOrders() (orders []Order, docs [][]byte) {
	for i := range 64 {
		o := Order{
			AccountID: fmt.Sprintf("acc-%06d", i*7919%1000), ProductID: fmt.Sprintf("prod-%08x", i*104729),
			Amount: i * 37 % 500, Price: float64(i*i*31%90000) / 100, TS: time.Unix(1_700_000_000+int64(i)*86_399, 0).UTC(),
		}
		doc, _ := o.AppendJSON(nil)
		orders, docs = append(orders, o), append(docs, doc)
	}
	return orders, docs
}

func benchPowers() (powers []Power, docs [][]byte) {
	for i := range 64 {
		p := Power{
			Datetime: fmt.Sprintf("16/12/2006 17:%02d:00", i%60), Active: float64(4000+i*13) / 1000, Reactive: float64(i) / 1000, Voltage: 230 + float64(i)/100,
			Intensity: float64(i) / 10, Sub1: 0, Sub2: float64(i % 3), Sub3: 17, Temperature: 1 / float64(i+3) * 55.5,
		}
		doc, _ := p.AppendJSON(nil)
		powers, docs = append(powers, p), append(docs, doc)
	}
	return powers, docs
}

func benchCustomers() (customers []Customer, docs [][]byte) {
	orders, _ := benchOrders()
	optional := "optional text that is a bit longer than the others: plain words here"
	for i := range 16 {
		c := Customer{
			ID: fmt.Sprintf("cust-%08d", i*7919), Name: "Zoë back\\slash O'Neil", Email: fmt.Sprintf("user%d@example.com", i),
			Address:  Address{"434 Main Street, Apt. \"30\"", "Zürich", "10812", "CH", 47.649894, 8.622838},
			Tags:     []string{"alpha", "line\nbreak", "tab\tbed", "Größe", "quote\"d", "back\\slash"}[:2+i%5],
			Orders:   orders[i : i+5],
			Attrs:    map[string]string{"attr_0": "a/b line\nbreak", "attr_1": "plain", "attr_2": "emoji 😀", "attr_3": "東京都", "attr_4": "premium premium"},
			Optional: &optional,
			Nested:   map[string]Pref{"pref0": {true, 1, "premium"}, "pref1": {false, 6, "alpha"}, "pref2": {true, i, "line\nbreak"}},
		}
		doc, _ := c.AppendJSON(nil)
		customers, docs = append(customers, c), append(docs, doc)
	}
	return customers, docs
}

func BenchmarkDecode(b *testing.B) {
	_, orders := benchOrders()
	_, powers := benchPowers()
	_, customers := benchCustomers()
	benchDecode[plain.Order](b, "order", orders, faustDecodeOrder)
	benchDecode[plain.Power](b, "power", powers, faustDecodePower)
	benchDecode[plain.Customer](b, "customer", customers, faustDecodeCustomer)
	// Python's json.dumps puts a space behind every comma and colon.
	var pythonOrders [][]byte
	between := strings.NewReplacer(`":`, `": `, `,"`, `, "`)
	for _, doc := range orders {
		pythonOrders = append(pythonOrders, []byte(between.Replace(string(doc))))
	}
	benchDecode[plain.Order](b, "order_python", pythonOrders, faustDecodeOrder)
}

func benchDecode[P, R any](b *testing.B, name string, docs [][]byte, decode func(*codec.Reader, *R)) {
	for _, policy := range []struct {
		name string
		codec.Strings
	}{{"borrow", codec.Borrow}, {"slab", codec.Slab}, {"copy", codec.Copy}} {
		b.Run(name+"/"+policy.name, func(b *testing.B) {
			b.ReportAllocs()
			r := codec.NewReader(policy.Strings)
			var v R
			for i := 0; b.Loop(); i++ {
				r.Reset(docs[i%len(docs)])
				decode(r, &v)
				if err := r.Finish(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run(name+"/goccy", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			var v P
			if err := goccy.Unmarshal(docs[i%len(docs)], &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(name+"/encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			var v P
			if err := json.Unmarshal(docs[i%len(docs)], &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	orders, orderDocs := benchOrders()
	powers, powerDocs := benchPowers()
	customers, customerDocs := benchCustomers()
	benchEncode[plain.Order](b, "order", orders, orderDocs, faustAppendOrder)
	benchEncode[plain.Power](b, "power", powers, powerDocs, faustAppendPower)
	benchEncode[plain.Customer](b, "customer", customers, customerDocs, faustAppendCustomer)
}

func benchEncode[P, R any](b *testing.B, name string, values []R, docs [][]byte, write func([]byte, *R) ([]byte, error)) {
	b.Run(name+"/reused", func(b *testing.B) {
		b.ReportAllocs()
		var dst []byte
		for i := 0; b.Loop(); i++ {
			var err error
			if dst, err = write(dst[:0], &values[i%len(values)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	twins := make([]P, len(docs))
	for i, doc := range docs {
		if err := json.Unmarshal(doc, &twins[i]); err != nil {
			b.Fatal(err)
		}
	}
	b.Run(name+"/goccy", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := goccy.MarshalWithOption(&twins[i%len(twins)], goccy.DisableHTMLEscape()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(name+"/encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := json.Marshal(&twins[i%len(twins)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
