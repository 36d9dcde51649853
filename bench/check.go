//go:build unix

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/faustgen/faustgen/bench/internal/orders"
	"github.com/faustgen/faustgen/bench/internal/report"
)

// checkFilter reads the output back: every large order once, under its key, in its partition, at its time.
func checkFilter(ctx context.Context, b *bench, t *trial) (int64, string, error) {
	var got orders.Sum
	err := b.broker.Read(ctx, t.out, orders.Partitions, func(k *kgo.Record) error {
		r, err := orders.Decode(k)
		if err != nil {
			return err
		}
		got.Add(r)
		return nil
	})
	switch want := b.expected.Forwarded; {
	case err != nil:
		return 0, "", err
	case got.Records != want.Records:
		return int64(got.Records), fmt.Sprintf("%d records in the output, want %d", got.Records, want.Records), nil
	case got.Hash != want.Hash:
		return int64(got.Records), "as many records as wanted, but not these: fields, keys, partitions or times differ", nil
	}
	return int64(got.Records), report.Exact, nil
}

// checkCount reads the changelog back: the last value of every account is its number of orders.
func checkCount(ctx context.Context, b *bench, t *trial) (int64, string, error) {
	topics, err := b.broker.Topics(ctx, t.app+"-")
	if err != nil {
		return 0, "", err
	}
	changelog := t.app + "-counts-changelog"
	parts, ok := topics[changelog]
	if !ok {
		return 0, "there is no topic " + changelog, nil
	}
	written, last := int64(0), map[string]int64{}
	err = b.broker.Read(ctx, changelog, parts, func(k *kgo.Record) error {
		written++
		// Beside the accounts a changelog may hold entries of the worker's own.
		if !strings.HasPrefix(string(k.Key), "acc-") {
			return nil
		}
		n, err := decodeCount(k.Value)
		if err != nil {
			return fmt.Errorf("record %d of %s/%d, key %q: %w", k.Offset, k.Topic, k.Partition, k.Key, err)
		}
		last[string(k.Key)] = n
		return nil
	})
	if err != nil {
		return written, "", err
	}
	return written, compareCounts(last, b.expected.Counts), nil
}

// compareCounts returns report.Exact, or how many accounts differ and one of them.
func compareCounts(got, want map[string]int64) string {
	differ, example := 0, ""
	for account, n := range want {
		if got[account] != n {
			differ++
			if example == "" || account < example {
				example = account
			}
		}
	}
	switch {
	case differ > 0:
		return fmt.Sprintf("%d of %d accounts differ: %s has %d orders, want %d", differ, len(want), example, got[example], want[example])
	case len(got) != len(want):
		return fmt.Sprintf("%d accounts, want %d", len(got), len(want))
	}
	return report.Exact
}

// decodeCount reads a number as text, as JSON has it, or as the eight bytes of Java's Long.
func decodeCount(value []byte) (int64, error) {
	// No count of a benchmark reaches 2^56, so a Long begins with a zero byte, and text never does.
	if len(value) == 8 && value[0] == 0 {
		return int64(binary.BigEndian.Uint64(value)), nil
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read a count: %w", err)
	}
	return n, nil
}
