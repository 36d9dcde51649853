package devbroker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A transaction that is open when the process is killed has records in its partitions and no marker that ends it. kfake
// lists its records as aborted when it starts again, but writes no marker either, so that a read_committed consumer
// takes everything the same producer id writes later for aborted too. This file finds such transactions in the
// files, before the cluster is started, and writes their abort markers through the protocol, before anyone is served.

// openTransaction is one producer's open transaction in one partition.
type openTransaction struct {
	topic      string
	partition  int32
	producerID int64
	epoch      int16
}

// findOpenTransactions reads the batch headers below dir. It costs nothing when no transactional producer was ever there.
func findOpenTransactions(dir string) ([]openTransaction, error) {
	if dir == "" {
		return nil, nil
	}
	producers, err := os.ReadFile(filepath.Join(dir, "pids.log"))
	if errors.Is(err, os.ErrNotExist) || err == nil && !bytes.Contains(producers, []byte(`"txid"`)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// After an orderly Close this file has the transactions under way, and kfake goes on with them.
	if _, err := os.Stat(filepath.Join(dir, "session_state.json")); err == nil {
		return nil, nil
	}
	partitions, err := os.ReadDir(filepath.Join(dir, "partitions"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var all []openTransaction
	for _, p := range partitions {
		topic, partition, ok := splitPartition(p.Name())
		if !ok {
			continue
		}
		open, err := openIn(filepath.Join(dir, "partitions", p.Name()))
		if err != nil {
			return nil, fmt.Errorf("partition %s: %w", p.Name(), err)
		}
		for _, id := range slices.Sorted(keys(open)) {
			all = append(all, openTransaction{topic, partition, id, open[id]})
		}
	}
	return all, nil
}

func keys(m map[int64]int16) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// splitPartition takes apart the name of a partition's directory: the escaped topic, a dash, the number.
func splitPartition(name string) (topic string, partition int32, ok bool) {
	dash := strings.LastIndexByte(name, '-')
	if dash < 0 {
		return "", 0, false
	}
	topic, err := url.PathUnescape(name[:dash])
	number, numberErr := strconv.ParseInt(name[dash+1:], 10, 32)
	return topic, int32(number), err == nil && numberErr == nil
}

// openIn returns the producer ids, with their epochs, whose transaction is open in the partition of that directory.
func openIn(dir string) (map[int64]int16, error) {
	bases, err := segments(dir)
	if err != nil {
		return nil, err
	}
	open := make(map[int64]int16)
	for i, base := range bases {
		path := filepath.Join(dir, strconv.FormatInt(base, 10))
		if err := readSegment(path, i == len(bases)-1, open); err != nil {
			return nil, err
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	// A snapshot from an earlier Close knows of no aborted transaction; without it kfake reads the records themselves.
	if err := os.Remove(filepath.Join(dir, "snapshot.json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return open, nil
}

// segments returns the first offsets of the segments in a partition's directory, ascending.
func segments(dir string) ([]int64, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, file := range files {
		if name, ok := strings.CutSuffix(file.Name(), ".dat"); ok {
			if base, err := strconv.ParseInt(name, 10, 64); err == nil {
				bases = append(bases, base)
			}
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// Places in the header of a record batch, and kfake's size of an entry in the index beside it.
const (
	headerSize       = 61
	lengthAt         = 8
	attributesAt     = 21
	producerIDAt     = 43
	epochAt          = 51
	lengthFrom       = 12 // the length counts from here
	transactionalBit = 0x10
	controlBit       = 0x20
	indexEntrySize   = 15
)

// readSegment follows the transactions through the batches of path.dat. open is updated.
func readSegment(path string, last bool, open map[int64]int16) error {
	file, err := os.Open(path + ".dat")
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	indexed, err := indexEntries(path + ".idx")
	if err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	in := bufio.NewReader(file)
	var header [headerSize]byte
	for at, n := int64(0), 0; ; n++ {
		if _, err := io.ReadFull(in, header[:]); err != nil {
			return ignoreEnd(err)
		}
		length := int64(binary.BigEndian.Uint32(header[lengthAt:])) + lengthFrom
		if length < headerSize || at+length > size {
			return nil // half a batch at the end, which kfake cuts off
		}
		if last && n == indexed && at+length == size {
			// The kill came between the batch and its index entry, and so before its acknowledgement. Without the
			// entry kfake would take records of a transaction for committed ones.
			return os.Truncate(path+".dat", at)
		}
		follow(header[:], open)
		if _, err := in.Discard(int(length - headerSize)); err != nil {
			return ignoreEnd(err)
		}
		at += length
	}
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// follow notes what one batch means for its producer's transaction.
func follow(header []byte, open map[int64]int16) {
	attributes := binary.BigEndian.Uint16(header[attributesAt:])
	id := int64(binary.BigEndian.Uint64(header[producerIDAt:]))
	switch {
	case attributes&controlBit != 0:
		delete(open, id)
	case attributes&transactionalBit != 0:
		open[id] = int16(binary.BigEndian.Uint16(header[epochAt:]))
	}
}

func indexEntries(path string) (int, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return int(info.Size() / indexEntrySize), nil
}

// abortTransactions writes the abort markers, each through the broker that leads the partition.
func abortTransactions(ctx context.Context, cluster *kfake.Cluster, gates []*gate, open []openTransaction) error {
	requests := make([]*kmsg.WriteTxnMarkersRequest, len(gates))
	for _, o := range open {
		leader := cluster.LeaderFor(o.topic, o.partition)
		if leader < 0 || int(leader) >= len(gates) {
			continue // the topic has been deleted
		}
		if requests[leader] == nil {
			requests[leader] = kmsg.NewPtrWriteTxnMarkersRequest()
		}
		marker := kmsg.NewWriteTxnMarkersRequestMarker()
		marker.ProducerID, marker.ProducerEpoch, marker.Committed = o.producerID, o.epoch, false
		topic := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
		topic.Topic, topic.Partitions = o.topic, []int32{o.partition}
		marker.Topics = append(marker.Topics, topic)
		requests[leader].Markers = append(requests[leader].Markers, marker)
	}
	for i, request := range requests {
		if request == nil {
			continue
		}
		if err := writeMarkers(ctx, gates[i], request); err != nil {
			return err
		}
	}
	return nil
}

func writeMarkers(ctx context.Context, g *gate, request *kmsg.WriteTxnMarkersRequest) error {
	conn, err := g.dial(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }() // all has been read
	response := kmsg.NewPtrWriteTxnMarkersResponse()
	if err := exchange(conn, request, response); err != nil {
		return errors.Join(err, ctx.Err())
	}
	for _, marker := range response.Markers {
		for _, topic := range marker.Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return fmt.Errorf("%s partition %d: %w", topic.Topic, p.Partition, err)
				}
			}
		}
	}
	return nil
}

// exchange sends one request and reads its answer, at the version that both have been set to, which is not a flexible one.
func exchange(conn net.Conn, request kmsg.Request, response kmsg.Response) error {
	message := kmsg.NewRequestFormatter().AppendRequest(nil, request, 1)
	if _, err := conn.Write(message); err != nil {
		return err
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(conn, body); err != nil {
		return err
	}
	const correlationID = 4
	if len(body) < correlationID {
		return io.ErrUnexpectedEOF
	}
	return response.ReadFrom(body[correlationID:])
}
