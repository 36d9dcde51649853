package faust

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/broker"
	"github.com/faustgen/faustgen/runtime/internal/group"
	"github.com/faustgen/faustgen/runtime/internal/record"
)

// queryable is a table that answers queries, in its task's goroutine. A nil key asks for all keys; a nil time for every retained window.
type queryable interface {
	query(key []byte, at *queryTime, emit func(queryRow) error) error
}

// queryTime chooses a window: that of a time, of the wall clock, or of the stream time less Delta.
type queryTime struct {
	Now      bool
	At       time.Time
	HasDelta bool
	Delta    time.Duration
}

// queryRow is one row: key and value as JSON, the window for a windowed table.
type queryRow struct {
	Key, Value []byte
	Window     *Window
}

// wireRow is a row as a worker sends it and as `query` prints it.
type wireRow struct {
	Key   json.RawMessage `json:"key"`
	Value json.RawMessage `json:"value"`
	Start *time.Time      `json:"start,omitempty"`
	End   *time.Time      `json:"end,omitempty"`
}

func (r queryRow) wire() wireRow {
	w := wireRow{Key: r.Key, Value: r.Value}
	if r.Window != nil {
		w.Start, w.End = &r.Window.Start, &r.Window.End
	}
	return w
}

// QueryRequest asks for rows of a table.
type QueryRequest struct {
	Table string
	Key   *string // the key's text form; nil: every key
	// For a windowed table at most one of these; none: every retained window, ascending.
	At    time.Time      // the window that holds this time
	Now   bool           // the window that holds the wall clock's time
	Delta *time.Duration // the window that holds the stream time less this
}

// Query reads a table of a running application, whichever workers have it, and calls emit with each row as one line of JSON:
// {"key":…,"value":…} and, for a windowed table, "start" and "end". Values include what is not committed yet. Rows of one partition are
// of one moment. It waits up to 30 s for a group that is rebalancing or restoring.
func (a *App) Query(ctx context.Context, q QueryRequest, emit func(line []byte) error, opts ...Option) error {
	c, stop, err := openQueries(ctx, &a.spec, opts)
	if err != nil {
		return err
	}
	defer func() { _ = stop() }() // nothing is lost by a connection that doesn't close
	spec := c.plan.table(q.Table)
	if spec == nil {
		return fmt.Errorf("no table %q; this application has %s", q.Table, strings.Join(sortedKeys(c.plan.tables), ", "))
	}
	at, err := q.time(spec)
	if err != nil {
		return err
	}
	var key []byte
	if q.Key != nil {
		if key, err = spec.ParseKey(*q.Key); err != nil {
			return fmt.Errorf("key %q of table %s (%s): %w", *q.Key, spec.Name, spec.KeyType, err)
		}
	}
	return c.each(ctx, spec, key, at, emit)
}

func (q *QueryRequest) time(spec *TableSpec) (*queryTime, error) {
	var at *queryTime
	n := 0
	if q.Now {
		at, n = &queryTime{Now: true}, n+1
	}
	if !q.At.IsZero() {
		at, n = &queryTime{At: q.At}, n+1
	}
	if q.Delta != nil {
		at, n = &queryTime{HasDelta: true, Delta: *q.Delta}, n+1
	}
	switch {
	case n > 1:
		return nil, errors.New("choose one of now, at and delta")
	case n == 1 && spec.Window == nil:
		return nil, fmt.Errorf("table %s has no windows to choose from; ask without now, at and delta", spec.Name)
	}
	return at, nil
}

// Client is an open connection to a running application's tables. It is for generated code only.
type Client struct {
	plan   *plan
	broker *broker.Client
	http   *http.Client
}

// queryPatience is how long a query waits for a group that is not ready.
const queryPatience = 30 * time.Second

func openQueries(ctx context.Context, spec *AppSpec, opts []Option) (*Client, func() error, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, nil, err
	}
	c, stop := dial(spec, cfg)
	if err := c.learn(ctx); err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return c, stop, nil
}

// dial makes a Client, which connects when it is first asked.
func dial(spec *AppSpec, cfg *config) (*Client, func() error) {
	c := &Client{plan: newPlan(spec, cfg), http: &http.Client{Transport: &http.Transport{DialContext: cfg.dial}}}
	c.broker = openBroker(cfg, c.plan.group())
	return c, func() error {
		c.http.CloseIdleConnections()
		c.broker.Close()
		return nil
	}
}

// learn reads the topics' partition counts.
func (c *Client) learn(ctx context.Context) error {
	ready, cancel := context.WithTimeout(ctx, queryPatience)
	defer cancel()
	if err := c.broker.WaitReady(ready); err != nil {
		return err
	}
	return c.plan.learn(ctx, c.broker)
}

// learn sets the partition counts of the topics that exist.
func (p *plan) learn(ctx context.Context, admin topicAdmin) error {
	have, err := admin.Topics(ctx, sortedKeys(p.topics)...)
	if err != nil {
		return fmt.Errorf("describe the topics: %w", err)
	}
	counts := map[string]int32{}
	for name, info := range have {
		counts[name] = info.Partitions
	}
	return p.setCounts(counts)
}

// each asks the owner of each partition in question.
func (c *Client) each(ctx context.Context, spec *TableSpec, key []byte, at *queryTime, emit func([]byte) error) error {
	n := c.plan.groups[spec.Struct].component.partitions
	if key != nil {
		return c.ask(ctx, spec, record.Partition(key, n), key, at, emit)
	}
	for p := range n {
		if err := c.ask(ctx, spec, p, nil, at, emit); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the owner of one partition, for as long as nobody is ready to answer.
func (c *Client) ask(ctx context.Context, spec *TableSpec, partition int32, key []byte, at *queryTime, emit func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryPatience)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		rows, err := c.try(ctx, spec, partition, key, at)
		if err == nil {
			return eachLine(rows, emit)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("query %s, partition %d: %w", spec.Name, partition, err)
		case <-time.After(wait):
		}
	}
}

func eachLine(rows []byte, emit func([]byte) error) error {
	lines := bufio.NewScanner(strings.NewReader(string(rows)))
	lines.Buffer(nil, len(rows)+1)
	for lines.Scan() {
		if err := emit(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (c *Client) try(ctx context.Context, spec *TableSpec, partition int32, key []byte, at *queryTime) ([]byte, error) {
	owner, err := c.owner(ctx, group.Task{Component: c.plan.groups[spec.Struct].component.name, Partition: partition})
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	if key != nil {
		q.Set("key", base64.URLEncoding.EncodeToString(key))
	}
	switch {
	case at == nil:
	case at.Now:
		q.Set("at", "now")
	case at.HasDelta:
		q.Set("delta", at.Delta.String())
	default:
		q.Set("at", at.At.UTC().Format(time.RFC3339Nano))
	}
	address := "http://" + owner + queryPath + url.PathEscape(spec.Name) + "/" + strconv.Itoa(int(partition)) + "?" + q.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("worker %s: %s", owner, strings.TrimSpace(string(body)))
	}
	return body, nil
}

// owner finds the web address of the worker that has a task, through the group's metadata.
func (c *Client) owner(ctx context.Context, id group.Task) (string, error) {
	g, err := c.broker.DescribeGroup(ctx, c.plan.group())
	if err != nil {
		return "", fmt.Errorf("describe group %s: %w", c.plan.group(), err)
	}
	if len(g.Members) == 0 {
		return "", fmt.Errorf("no worker of %s is running; start one, or name the broker it uses with --broker", c.plan.group())
	}
	for _, m := range g.Members {
		a, err := group.DecodeAssignment(m.Assignment)
		if err != nil {
			continue // it has none yet
		}
		for _, t := range a.Tasks {
			if t != id {
				continue
			}
			s, err := group.DecodeSubscription(m.Metadata)
			if err != nil {
				return "", fmt.Errorf("the metadata of worker %s: %w", m.ID, err)
			}
			if s.Address == "" {
				return "", fmt.Errorf("the worker that has %s runs without a web server; start it without --web off", id)
			}
			return s.Address, nil
		}
	}
	return "", fmt.Errorf("no worker has %s yet (the group is %s)", id, strings.ToLower(g.State))
}

// OpenQueries opens a connection for NewQueries. It is for generated code only.
func OpenQueries(ctx context.Context, spec AppSpec, brokers string, opts ...Option) (*Client, func() error, error) {
	return openQueries(ctx, &spec, append([]Option{Broker(brokers)}, opts...))
}

// Query reads a table from outside its application. It may be used by several goroutines at once.
type Query[K comparable, V any] struct{ q *typedQuery[K, V] }

// WindowQuery reads a windowed table from outside its application. It may be used by several goroutines at once.
type WindowQuery[K comparable, V any] struct{ q *typedQuery[K, V] }

type typedQuery[K comparable, V any] struct {
	client *Client
	spec   *TableSpec
	key    *KeyCodec[K]
	value  *ValueCodec[V]
}

// NewQuery and NewWindowQuery bind a query. They are for generated code only.
func NewQuery[K comparable, V any](c *Client, name string, key *KeyCodec[K], value *ValueCodec[V]) Query[K, V] {
	return Query[K, V]{&typedQuery[K, V]{c, c.plan.table(name), key, value}}
}

// NewWindowQuery is described at NewQuery.
func NewWindowQuery[K comparable, V any](c *Client, name string, key *KeyCodec[K], value *ValueCodec[V]) WindowQuery[K, V] {
	return WindowQuery[K, V]{&typedQuery[K, V]{c, c.plan.table(name), key, value}}
}

// Get returns a key's value, and whether it has one, from whichever worker owns it.
func (q Query[K, V]) Get(ctx context.Context, k K) (v V, ok bool, err error) {
	err = q.q.rows(ctx, &k, func(row *wireRow) (err error) {
		v, err = q.q.valueOf(row)
		ok = err == nil
		return err
	})
	return v, ok, err
}

// Each calls f for every key of the table, partition by partition, and returns f's first error.
func (q Query[K, V]) Each(ctx context.Context, f func(K, V) error) error {
	return q.q.rows(ctx, nil, func(row *wireRow) error {
		k, err := q.q.keyOf(row)
		if err != nil {
			return err
		}
		v, err := q.q.valueOf(row)
		if err != nil {
			return err
		}
		return f(k, v)
	})
}

// Windows returns the retained windows of a key with their values.
func (q WindowQuery[K, V]) Windows(ctx context.Context, k K) (map[Window]V, error) {
	windows := map[Window]V{}
	err := q.q.rows(ctx, &k, func(row *wireRow) error {
		v, err := q.q.valueOf(row)
		if err == nil && row.Start != nil && row.End != nil {
			windows[Window{row.Start.UTC(), row.End.UTC()}] = v
		}
		return err
	})
	return windows, err
}

func (q *typedQuery[K, V]) rows(ctx context.Context, k *K, f func(*wireRow) error) error {
	var key []byte
	if k != nil {
		b, err := q.key.Append([]byte{}, *k)
		if err != nil {
			return fmt.Errorf("query %s: key: %w", q.spec.Name, err)
		}
		key = b
	}
	return q.client.each(ctx, q.spec, key, nil, func(line []byte) error {
		var row wireRow
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("query %s: %w", q.spec.Name, err)
		}
		return f(&row)
	})
}

func (q *typedQuery[K, V]) valueOf(row *wireRow) (v V, err error) {
	err = q.value.Decode(codec.NewReader(codec.Copy), row.Value, &v)
	return v, err
}

func (q *typedQuery[K, V]) keyOf(row *wireRow) (k K, err error) {
	text := string(row.Key)
	var s string
	if json.Unmarshal(row.Key, &s) == nil { // strings and times are quoted, numbers and records stand as they are
		text = s
	}
	return q.key.Parse(text)
}
