package broker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// What is appended in any compression comes back in order, with keys, values, headers and times.
func TestProduceFetch(t *testing.T) {
	scenario(t, func(t *testing.T, c *Client, topic func(string) string) {
		ctx := within(t)
		name := topic("orders")
		if err := c.CreateTopics(ctx, []NewTopic{{Name: name, Partitions: 5, Replicas: 1}}); err != nil {
			t.Fatal(err)
		}
		p := c.NewProducer(ProduceConfig{Idempotent: true})
		start(t, p.Run)
		f := c.NewFetcher(FetchConfig{})
		start(t, f.Run)
		in := make(chan *record.Batch, 16)
		for kind := record.None; kind <= record.Zstd; kind++ {
			f.Add(tp(name, int32(kind)), 0, in)
		}
		for range 5 {
			b := <-in
			if len(b.Records) != 0 || b.Err != nil || b.Next != 0 || b.End != 0 {
				t.Fatalf("first answer of an empty partition: %+v", b)
			}
			b.Release()
		}
		const rounds, each = 10, 200
		want := make([]string, 0, rounds*each)
		for round := range rounds {
			var builders []*record.Builder
			for kind := record.None; kind <= record.Zstd; kind++ {
				builders = append(builders, build(tp(name, int32(kind)), kind, round*each, each))
			}
			for i := range each {
				want = append(want, fmt.Sprintf("v%d", round*each+i))
			}
			if err := send(ctx, p, builders...); err != nil {
				t.Fatal(err)
			}
			for _, b := range builders {
				if b.Offset != int64(round*each) {
					t.Errorf("%v: base offset %d, want %d", b.TopicPartition, b.Offset, round*each)
				}
			}
		}
		got, err := values(ctx, in, 5*rounds*each)
		if err != nil {
			t.Fatal(err)
		}
		for at, values := range got {
			if !slices.Equal(values, want) {
				t.Errorf("%v: %d values, not those sent in their order", at, len(values))
			}
		}
	})
}
