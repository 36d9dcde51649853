package kafka

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Produce writes all records to the topic, uncompressed and idempotent, and returns when all are acknowledged.
// The records' own partitions are used.
func (b *Broker) Produce(ctx context.Context, topic string, records iter.Seq[*kgo.Record]) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(20*time.Millisecond), kgo.ProducerBatchMaxBytes(256<<10), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return fmt.Errorf("make a producer for %s: %w", topic, err)
	}
	defer client.Close()
	var lost atomic.Pointer[error]
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			lost.CompareAndSwap(nil, &err)
		}
	}
	for r := range records {
		if lost.Load() != nil {
			break
		}
		client.Produce(ctx, r, done)
	}
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("produce to %s: %w", topic, err)
	}
	if err := lost.Load(); err != nil {
		return fmt.Errorf("produce to %s: %w", topic, *err)
	}
	return nil
}

// Read calls f with every record that is in the topic now, partition by partition in order of offset.
// It gives up when nothing comes for 30 s.
func (b *Broker) Read(ctx context.Context, topic string, partitions int32, f func(*kgo.Record) error) error {
	ends, err := b.Ends(ctx, topic, partitions)
	if err != nil {
		return err
	}
	from, open := map[int32]kgo.Offset{}, 0
	for p, end := range ends {
		if end > 0 {
			from[int32(p)] = kgo.NewOffset().AtStart()
			open++
		}
	}
	if open == 0 {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		return fmt.Errorf("make a consumer for %s: %w", topic, err)
	}
	defer client.Close()
	for open > 0 {
		step, cancel := context.WithTimeout(ctx, 30*time.Second)
		fetches := client.PollFetches(step)
		cancel()
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read %s: %w", topic, err)
		}
		for records := fetches.RecordIter(); !records.Done(); {
			r := records.Next()
			if r.Offset >= ends[r.Partition] {
				continue
			}
			if err := f(r); err != nil {
				return err
			}
			if r.Offset == ends[r.Partition]-1 {
				open--
			}
		}
	}
	return nil
}
