package faust

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/faustgen/faustgen/runtime/internal/group"
)

// Restore is how far one table of one task is being restored from its changelog.
type Restore struct {
	Table     string `json:"table"`
	Task      string `json:"task"`
	Records   int64  `json:"restored"` // offsets of the changelog read so far
	Of        int64  `json:"of"`       // offsets to be read
	PerSecond int64  `json:"per_second"`
}

// restorePath is where a worker tells what it restores, as a JSON array of Restore.
const restorePath = "/faust/restores"

func (w *worker) serveRestores(out http.ResponseWriter, _ *http.Request) {
	all := []Restore{}
	for _, r := range w.tasks.list() {
		p := r.bound.progress
		p.mu.Lock()
		all = slices.AppendSeq(all, maps.Values(p.tables))
		p.mu.Unlock()
	}
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(all) // whoever asked has gone
}

// Restores asks every worker of the application which tables it restores at this moment, and how far it is; by task, then table. A worker
// without a web server, or one that has just gone, is left out. It retries the brokers until ctx ends.
func (a *App) Restores(ctx context.Context, opts ...Option) ([]Restore, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	c, stop := dial(&a.spec, cfg)
	defer func() { _ = stop() }() // nothing is lost by a connection that doesn't close
	g, err := c.broker.DescribeGroup(ctx, c.plan.group())
	if err != nil {
		return nil, fmt.Errorf("describe group %s: %w", c.plan.group(), err)
	}
	var all []Restore
	for _, m := range g.Members {
		s, err := group.DecodeSubscription(m.Metadata)
		if err != nil || s.Address == "" {
			continue
		}
		some, err := c.restores(ctx, s.Address)
		if err != nil {
			cfg.log.Debug("worker does not tell what it restores", "worker", s.Address, "err", err)
			continue
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(x, y Restore) int { return cmp.Or(cmp.Compare(x.Task, y.Task), cmp.Compare(x.Table, y.Table)) })
	return all, ctx.Err()
}

func (c *Client) restores(ctx context.Context, address string) (some []Restore, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+restorePath, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("worker %s: %s", address, response.Status)
	}
	err = json.NewDecoder(response.Body).Decode(&some)
	return some, err
}
