package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/createtopics"
)

// api is one request type in the version that this package speaks. The versions are the newest that are not flexible, except OffsetFetch.
type api struct {
	key, version int16
	flexible     bool
	name         string
}

var (
	apiProduce         = api{0, 8, false, "produce"}
	apiFetch           = api{1, 11, false, "fetch"}
	apiListOffsets     = api{2, 5, false, "list offsets"}
	apiMetadata        = api{3, 8, false, "metadata"}
	apiOffsetCommit    = api{8, 7, false, "offset commit"}
	apiOffsetFetch     = api{9, 7, true, "offset fetch"}
	apiFindCoordinator = api{10, 2, false, "find coordinator"}
	apiJoinGroup       = api{11, 5, false, "join group"}
	apiHeartbeat       = api{12, 3, false, "heartbeat"}
	apiLeaveGroup      = api{13, 3, false, "leave group"}
	apiSyncGroup       = api{14, 3, false, "sync group"}
	apiDescribeGroups  = api{15, 4, false, "describe groups"}
	apiCreateTopics    = api{19, 4, false, "create topics"}
	apiDeleteTopics    = api{20, 3, false, "delete topics"}
	apiDeleteRecords   = api{21, 1, false, "delete records"}
	apiInitProducer    = api{22, 1, false, "init producer id"}
	apiDescribeConfigs = api{32, 1, false, "describe configs"}
	apiDeleteGroups    = api{42, 1, false, "delete groups"}
	apiOffsetDelete    = api{47, 0, false, "offset delete"}
)

const (
	anyNode = int32(-1)
	// callTimeout bounds one request whose answer the broker has no reason to hold back.
	callTimeout = 30 * time.Second
	// maxResponse is the longest answer taken; a longer one is a sign that the other side is no Kafka broker.
	maxResponse = 1 << 30
)

// The life of an exchange. Who leaves exchangeNew decides: the connection's goroutine to run it, or the caller to give it up.
const (
	exchangeNew = iota
	exchangeRuns
	exchangeGivenUp
)

// exchange is one request and its response on a connection of the Transport. It writes and reads bytes that it was given, so that
// kafka-go's codec is not involved, and it obeys its context also while it waits for the answer, which the Transport does not.
type exchange struct {
	api     api
	node    int32 // broker id, or anyNode
	timeout time.Duration
	request []byte // begun by begin, closed by end
	// buffer gives the memory for a response of n bytes; nil allocates.
	buffer func(n int) []byte

	response []byte // without size and header; valid when the exchange succeeded

	ctx  context.Context
	life atomic.Int32
	done chan struct{}
	err  error // set before done is closed
}

var (
	_ protocol.RawExchanger  = (*exchange)(nil)
	_ protocol.BrokerMessage = (*exchange)(nil)
)

// begin appends the request's header to b. The message follows; end closes it.
func (a api) begin(b []byte, clientID string) []byte {
	b = putInt32(b, 0)
	b = putInt16(b, a.key)
	b = putInt16(b, a.version)
	b = putInt32(b, int32(a.key)) // correlation: a connection has one request at a time
	b = putString(b, clientID)
	if a.flexible {
		b = append(b, 0)
	}
	return b
}

// end writes the size in front of a request that starts b.
func end(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// ApiKey is part of protocol.Message.
func (x *exchange) ApiKey() protocol.ApiKey { return protocol.ApiKey(x.api.key) }

// Broker is part of protocol.BrokerMessage. An id of -1 means any broker.
func (x *exchange) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: x.node}, nil
}

// Required is part of protocol.RawExchanger.
func (x *exchange) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange runs on the connection's goroutine. An error it returns makes the Transport close the connection.
func (x *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if !x.life.CompareAndSwap(exchangeNew, exchangeRuns) {
		return nil, nil // the caller is gone, and nothing was written: the connection is good for the next one
	}
	defer close(x.done)
	conn, ok := rw.(interface{ SetDeadline(time.Time) error })
	if !ok {
		x.err = errors.New("connection without deadlines")
		return nil, x.err
	}
	if x.err = conn.SetDeadline(time.Now().Add(x.timeout)); x.err != nil {
		return nil, x.err
	}
	stop := context.AfterFunc(x.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	x.err = x.swap(rw)
	if !stop() {
		// The deadline is being moved into the past by another goroutine, which makes this connection useless.
		return nil, context.Cause(x.ctx)
	}
	if x.err == nil {
		x.err = conn.SetDeadline(time.Time{})
	}
	if x.err != nil {
		return nil, x.err
	}
	return x, nil
}

func (x *exchange) swap(rw io.ReadWriter) error {
	if _, err := rw.Write(x.request); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	var head [8]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	size := int(int32(binary.BigEndian.Uint32(head[:]))) - 4
	if size < 0 || size > maxResponse {
		return fmt.Errorf("response of %d bytes: not a Kafka broker?", size)
	}
	if id := int16(binary.BigEndian.Uint32(head[4:])); id != x.api.key {
		return fmt.Errorf("response to request %d where %d was due", id, x.api.key)
	}
	if x.buffer != nil {
		x.response = x.buffer(size)
	} else {
		x.response = make([]byte, size)
	}
	if _, err := io.ReadFull(rw, x.response); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if x.api.flexible {
		r := reader{b: x.response}
		r.tags()
		x.response = r.b
	}
	return nil
}

// run sends the exchange and waits for its end. After it returns nothing touches the exchange's buffers any more.
func (c *Client) run(ctx context.Context, x *exchange) error {
	if !c.enter() {
		return ErrClosed
	}
	defer c.calls.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(ErrClosed) })()

	x.ctx, x.done = ctx, make(chan struct{})
	if x.timeout == 0 {
		x.timeout = callTimeout
	}
	_, err := c.transport.RoundTrip(ctx, c.addr, x)
	if x.life.CompareAndSwap(exchangeNew, exchangeGivenUp) {
		if err == nil {
			err = errors.New("request was not sent")
		}
		if errors.Is(err, kafka.BrokerNotAvailable) {
			c.wake(ctx)
		}
	} else {
		<-x.done
		err = x.err
	}
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if x.node == anyNode {
		return fmt.Errorf("%s: %w", x.api.name, err)
	}
	return fmt.Errorf("%s on broker %d: %w", x.api.name, x.node, err)
}

// refresh makes the Transport ask for the brokers' addresses again: it does so after each response of this type. No byte is sent.
type refresh struct{}

// ApiKey is part of protocol.Message.
func (refresh) ApiKey() protocol.ApiKey { return protocol.CreateTopics }

// Required is part of protocol.RawExchanger.
func (refresh) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange answers without asking.
func (refresh) RawExchange(io.ReadWriter) (protocol.Message, error) {
	return &createtopics.Response{}, nil
}

// wake brings the Transport's list of brokers up to date. Its failure shows in the next request.
func (c *Client) wake(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c.transport.RoundTrip(ctx, c.addr, refresh{})
}
