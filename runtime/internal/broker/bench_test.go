package broker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// BenchmarkProduceFetch sends records of 114 bytes in batches of 128 to 4 partitions and reads them back; b.N counts records. It runs on
// kfake, or on the broker of KAFKA_TEST_BROKER, whose speed is then the limit.
func BenchmarkProduceFetch(b *testing.B) {
	for _, kind := range []Compression{record.None, record.LZ4, record.Zstd} {
		var c *Client
		if addr := realBroker(); addr != "" {
			c = connect(b, []string{addr})
		} else {
			_, c = cluster(b)
		}
		b.Run("produce/"+kind.String(), func(b *testing.B) { produceMany(b, c, kind, b.N) })
		b.Run("fetch/"+kind.String(), func(b *testing.B) { fetchMany(b, c, kind) })
	}
}

const benchPartitions = 4

func produceMany(b *testing.B, c *Client, kind Compression, n int) string {
	ctx, topic := context.Background(), fmt.Sprintf("bench-%d", time.Now().UnixNano())
	settings := map[string]string{"retention.ms": "-1"}
	if err := c.CreateTopics(ctx, []NewTopic{{Name: topic, Partitions: benchPartitions, Replicas: 1, Config: settings}}); err != nil {
		b.Fatal(err)
	}
	p := c.NewProducer(ProduceConfig{Idempotent: true})
	stop := start(b, p.Run)
	free := make(chan *record.Builder, 256)
	for range cap(free) {
		free <- new(record.Builder)
	}
	done := func(r *record.Builder, err error) {
		if err != nil {
			b.Error(err)
		}
		free <- r
	}
	b.ResetTimer()
	value := make([]byte, 0, 128)
	for i := 0; i < n; {
		r := <-free
		r.Reset()
		r.TopicPartition, r.Compression = tp(topic, int32(i/1024%benchPartitions)), kind
		for range min(1024, n-i) {
			value = fmt.Appendf(value[:0], `{"order_id":"%08x","account_id":%d,"amount":3,"price":12.5,"currency":"EUR","ts":1700000000000,"x":"abcd"}`, i, i*7919%10000)
			r.Add(nil, value, 1700000000000, nil, 0, nil)
			i++
		}
		if err := p.Append(ctx, []*record.Builder{r}, done); err != nil {
			b.Fatal(err)
		}
	}
	for range cap(free) {
		<-free
	}
	b.StopTimer()
	stop()
	return topic
}

func fetchMany(b *testing.B, c *Client, kind Compression) {
	n := max(b.N, 1)
	topic := produceMany(b, c, kind, n)
	f := c.NewFetcher(FetchConfig{})
	stop := start(b, f.Run)
	in := make(chan *record.Batch, 2*benchPartitions)
	b.StartTimer()
	for i := range int32(benchPartitions) {
		f.Add(tp(topic, i), 0, in)
	}
	b.ResetTimer()
	bytes := 0
	for got := 0; got < n; {
		batch := <-in
		if batch.Err != nil {
			b.Fatal(batch.Err)
		}
		for i := range batch.Records {
			bytes += len(batch.Records[i].Value)
		}
		got += len(batch.Records)
		batch.Release()
	}
	b.StopTimer()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
	stop()
}
