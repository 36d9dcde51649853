// Package orders makes the benchmark's input and knows what must come out of it.
// It is not a client: it neither produces nor consumes, so what it expects cannot be spoilt by what a broker returned.
// Everything here is a pure function of the number of orders; the same number gives the same bytes on every machine.
package orders

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"sort"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// Version is part of the input topic's name. Change it with anything that changes the bytes.
	Version = 1
	// Partitions is the partition count of every topic of the benchmark.
	Partitions = 4
	// Bound is the smallest amount that the filter workload forwards: three of five amounts.
	Bound = 3

	accounts = 10_000
	products = 1_000
	seed     = 42
)

// The event times cover three hours and ascend, as if one day's orders were read again.
var (
	begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	span  = 3 * time.Hour
)

// Order is one record of the input, in the fields' order on the wire.
type Order struct {
	AccountID string  `json:"account_id"`
	ProductID string  `json:"product_id"`
	Amount    int     `json:"amount"`
	Price     float64 `json:"price"`
	At        string  `json:"ts"`
}

// AppendJSON appends the order as the input topic holds it, always with two decimals in the price.
func (o *Order) AppendJSON(b []byte) []byte {
	b = append(b, `{"account_id":"`...)
	b = append(b, o.AccountID...)
	b = append(b, `","product_id":"`...)
	b = append(b, o.ProductID...)
	b = append(b, `","amount":`...)
	b = strconv.AppendInt(b, int64(o.Amount), 10)
	b = append(b, `,"price":`...)
	b = strconv.AppendFloat(b, o.Price, 'f', 2, 64)
	b = append(b, `,"ts":"`...)
	b = append(b, o.At...)
	return append(b, `"}`...)
}

// Record is an order with what surrounds it in the topic.
type Record struct {
	Order
	Key       string // the product
	Partition int32  // by Kafka's own partitioner
	Time      time.Time
}

// All yields n orders. The record is reused: it is the caller's until the next one.
// Accounts follow Zipf's law (the k-th most frequent has 1/k of the first one's orders), in shuffled order.
func All(n int) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		source := rand.NewPCG(seed, uint64(n))
		below := func(k uint64) int { return int(source.Uint64() % k) }

		cumulated, accountNames := zipf(below)
		productNames, partitions := productTable()
		r := &Record{}
		for i := range n {
			p := below(products)
			at := begin.Add(time.Duration(int64(i)*span.Milliseconds()/int64(n)) * time.Millisecond)
			pick := float64(source.Uint64()>>11) / (1 << 53) * cumulated[accounts-1]
			r.AccountID = accountNames[sort.SearchFloat64s(cumulated, pick)]
			r.ProductID, r.Key, r.Partition = productNames[p], productNames[p], partitions[p]
			r.Amount = 1 + below(5)
			r.Price = float64(100+below(9_901)) / 100
			r.At, r.Time = at.Format("2006-01-02T15:04:05.000Z"), at
			if !yield(r) {
				return
			}
		}
	}
}

func zipf(below func(uint64) int) (cumulated []float64, names []string) {
	cumulated, names = make([]float64, accounts), make([]string, accounts)
	sum := 0.0
	for i := range accounts {
		sum += 1 / float64(i+1)
		cumulated[i], names[i] = sum, fmt.Sprintf("acc-%06d", i)
	}
	for i := accounts - 1; i > 0; i-- {
		k := below(uint64(i + 1))
		names[i], names[k] = names[k], names[i]
	}
	return cumulated, names
}

func productTable() (names []string, partitions []int32) {
	partitioner := kgo.StickyKeyPartitioner(nil).ForTopic("")
	for i := range products {
		name := "p-" + strconv.Itoa(i)
		names = append(names, name)
		partitions = append(partitions, int32(partitioner.Partition(&kgo.Record{Key: []byte(name)}, Partitions)))
	}
	return names, partitions
}

// Sum is the fingerprint of a set of records, whatever their order: how many there are and the sum of their hashes.
type Sum struct {
	Records int    `json:"records"`
	Hash    uint64 `json:"hash"`
}

// Add counts one record into the sum: its key, partition, time in milliseconds and every field.
func (s *Sum) Add(r *Record) {
	var buf [256]byte
	b := append(buf[:0], r.Key...)
	b = append(b, 0)
	b = strconv.AppendInt(b, int64(r.Partition), 10)
	b = append(b, 0)
	b = strconv.AppendInt(b, r.Time.UnixMilli(), 10)
	b = append(b, 0)
	b = r.AppendJSON(b)
	s.Records++
	s.Hash += xxhash.Sum64(b)
}

// Decode reads a forwarded record back. How the worker spelt its numbers does not matter, what they are does.
func Decode(from *kgo.Record) (*Record, error) {
	r := &Record{Key: string(from.Key), Partition: from.Partition, Time: from.Timestamp}
	if err := json.Unmarshal(from.Value, &r.Order); err != nil {
		return nil, fmt.Errorf("decode record %d of %s/%d: %w", from.Offset, from.Topic, from.Partition, err)
	}
	return r, nil
}

// Expected is what the workloads must make of n orders.
type Expected struct {
	Orders    int
	Forwarded Sum              // by the filter
	Counts    map[string]int64 // per account
}

// Expect computes it from the orders themselves; n orders take about n microseconds.
func Expect(n int) Expected {
	e := Expected{Orders: n, Counts: make(map[string]int64, accounts)}
	for r := range All(n) {
		e.Counts[r.AccountID]++
		if r.Amount >= Bound {
			e.Forwarded.Add(r)
		}
	}
	return e
}
