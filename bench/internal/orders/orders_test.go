package orders

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestOrdersAreTheSameEveryTime(t *testing.T) {
	var first []string
	for r := range All(50) {
		first = append(first, string(r.AppendJSON(nil)))
	}
	i := 0
	for r := range All(50) {
		if got := string(r.AppendJSON(nil)); got != first[i] {
			t.Fatalf("order %d is %s the second time, was %s", i, got, first[i])
		}
		i++
	}
	// The bytes are a promise: inputs are kept between runs under Version.
	const want = `{"account_id":"acc-003783","product_id":"p-854","amount":4,"price":89.87,"ts":"2026-01-01T00:03:36.000Z"}`
	if first[1] != want {
		t.Errorf("order 1 is\n%s, want\n%s; a changed input needs another Version", first[1], want)
	}
}

func TestOrdersHaveTheShapeTheReadmeNames(t *testing.T) {
	const n = 100_000
	bytes, forwarded, last := 0, 0, time.Time{}
	counts, perPartition := map[string]int{}, map[int32]int{}
	for r := range All(n) {
		bytes += len(r.AppendJSON(nil))
		counts[r.AccountID]++
		perPartition[r.Partition]++
		if r.Amount >= Bound {
			forwarded++
		}
		if r.Amount < 1 || r.Amount > 5 || r.Price < 1 || r.Price > 100 || r.Time.Before(last) {
			t.Fatalf("order out of range or out of order: %+v after %v", r, last)
		}
		last = r.Time
	}
	if size := bytes / n; size < 100 || size > 115 {
		t.Errorf("%d bytes an order, want 100 to 115", size)
	}
	if share := forwarded * 100 / n; share < 58 || share > 62 {
		t.Errorf("the filter forwards %d %%, want 60", share)
	}
	if len(perPartition) != Partitions {
		t.Errorf("%d partitions are used, want %d", len(perPartition), Partitions)
	}
	top := 0
	for _, c := range counts {
		top = max(top, c)
	}
	// The first of 10,000 ranks has 1/H(10,000), about a tenth, of all orders.
	if share := top * 1000 / n; share < 95 || share > 110 {
		t.Errorf("the most frequent account has %d per mille of the orders, want about 102", share)
	}
}

func TestSumSeesEveryDifferenceThatMatters(t *testing.T) {
	record := func(change func(*kgo.Record)) Sum {
		k := &kgo.Record{Key: []byte("p-1"), Partition: 2, Timestamp: time.UnixMilli(1000),
			Value: []byte(`{"account_id":"acc-000001","product_id":"p-1","amount":3,"price":12.50,"ts":"2026-01-01T00:00:00.000Z"}`)}
		if change != nil {
			change(k)
		}
		r, err := Decode(k)
		if err != nil {
			t.Fatal(err)
		}
		var s Sum
		s.Add(r)
		return s
	}
	same := record(nil)
	spelling := func(k *kgo.Record) {
		k.Value = []byte(`{ "price":1.25e1, "amount":3,"product_id":"p-1","account_id":"acc-000001","ts":"2026-01-01T00:00:00.000Z"}`)
	}
	if got := record(spelling); got != same {
		t.Error("another spelling of the same order changes the sum")
	}
	for name, change := range map[string]func(*kgo.Record){
		"key":       func(k *kgo.Record) { k.Key = []byte("p-2") },
		"partition": func(k *kgo.Record) { k.Partition = 1 },
		"time":      func(k *kgo.Record) { k.Timestamp = time.UnixMilli(1001) },
		"price": func(k *kgo.Record) {
			k.Value = []byte(`{"account_id":"acc-000001","product_id":"p-1","amount":3,"price":12.51,"ts":"2026-01-01T00:00:00.000Z"}`)
		},
	} {
		if record(change) == same {
			t.Errorf("another %s does not change the sum", name)
		}
	}
	if _, err := Decode(&kgo.Record{Value: []byte(`{"account_id":`)}); err == nil {
		t.Error("a broken record decodes")
	}
}

func TestExpectCountsEveryOrderOnce(t *testing.T) {
	e := Expect(20_000)
	sum := int64(0)
	for _, c := range e.Counts {
		sum += c
	}
	if sum != 20_000 {
		t.Errorf("the counts add up to %d, want 20000", sum)
	}
	again := Sum{}
	for r := range All(20_000) {
		if r.Amount >= Bound {
			again.Add(r)
		}
	}
	if again != e.Forwarded {
		t.Errorf("forwarded %+v, want %+v", again, e.Forwarded)
	}
}
