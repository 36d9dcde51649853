package devbroker

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkRecords produces b.N records of 150 bytes to four partitions and reads them again, with a client in the same
// process. It reports the rates, and the bytes on the heap per record that the broker keeps.
func BenchmarkRecords(b *testing.B) {
	for name, dir := range map[string]string{"memory": "", "directory": b.TempDir()} {
		b.Run(name, func(b *testing.B) { benchRecords(b, dir) })
	}
}

func benchRecords(b *testing.B, dir string) {
	const size = 150
	broker := start(b, Config{DataDir: dir})
	before := heap()
	topic := fmt.Sprintf("orders%d", b.N)
	client := connect(b, broker.Addr(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(50_000))
	createTopic(b, client, topic, 4)
	value := bytes.Repeat([]byte("v"), size-8)
	b.ResetTimer()
	for i := range b.N {
		key := binary.BigEndian.AppendUint64(nil, uint64(i))
		client.Produce(context.Background(), &kgo.Record{Topic: topic, Key: key, Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	produced := b.Elapsed()
	client.Close()
	kept := heap() - before

	b.StartTimer()
	reader := connect(b, broker.Addr(), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	began := time.Now()
	for n := 0; n < b.N; {
		fetches := reader.PollFetches(b.Context())
		if err := fetches.Err(); err != nil {
			b.Fatal(err)
		}
		n += fetches.NumRecords()
	}
	b.ReportMetric(float64(b.N)/produced.Seconds()/1000, "k-produced/s")
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds()/1000, "k-fetched/s")
	b.ReportMetric(float64(kept)/float64(b.N), "B-kept/record")
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
