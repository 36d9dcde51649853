//go:build kafka

package kafkatest

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"
)

func TestOrders(t *testing.T) {
	t.Run("live", ordersLive)
	t.Run("replayed", ordersReplayed)
	t.Run("as published", ordersAsPublished)
}

// The orders come while the worker runs.
func ordersLive(t *testing.T) {
	a := newApp(t, "orders")
	want := readRetail(t, a.dir)
	a.start("worker").waitTasks(8)
	a.run("load", want.sorted)
	checkOrders(a, want)
}

// The orders are there before the worker is: each partition is read at its own speed, and nothing may become late by that. Then the
// worker is stopped and started, and says the same.
func ordersReplayed(t *testing.T) {
	a := newApp(t, "orders")
	want := readRetail(t, a.dir)
	a.run("load", want.sorted)
	w := a.start("worker")
	checkOrders(a, want)
	w.stop()
	a.start("worker").waitTasks(8)
	checkOrders(a, want)
}

// The published file is not in order of time, so what is late depends on how its partitions are read. Every order is counted all the
// same, and no hour is told twice.
func ordersAsPublished(t *testing.T) {
	a := newApp(t, "orders")
	want := readRetail(t, a.dir)
	a.start("worker")
	a.run("load", input(t, "ORDERS_DATA", "online_retail.csv.gz"))
	a.waitOrders(want)
	seen := map[slot]bool{}
	for _, sp := range a.spends() {
		s := slot{sp.AccountID, sp.Hour}
		if most := want.hours[s]; seen[s] || sp.Sum > most.sum+1e-6 {
			t.Errorf("%s spent %v in the hour of %v, at most %v can be; told before: %t", s.key, sp.Sum, s.hour, most.sum, seen[s])
		}
		seen[s] = true
	}
}

type spend struct {
	AccountID string    `json:"account_id"`
	Hour      time.Time `json:"hour"`
	Sum       float64   `json:"sum"`
}

// spends are the hours that came out.
func (a *app) spends() []spend {
	a.t.Helper()
	var all []spend
	for _, r := range read(a.t, a.topic("spends")) {
		var sp spend
		if err := json.Unmarshal(r.Value, &sp); err != nil {
			a.t.Fatalf("spends partition %d offset %d: %s: %v", r.Partition, r.Offset, r.Value, err)
		}
		sp.Hour = sp.Hour.UTC()
		if end := sp.Hour.Add(time.Hour - time.Millisecond); string(r.Key) != sp.AccountID || !r.Timestamp.Equal(end) {
			a.t.Errorf("spend %+v has key %q and time %v, want %v", sp, r.Key, r.Timestamp.UTC(), end)
		}
		all = append(all, sp)
	}
	return all
}

// waitOrders waits until every account has its orders.
func (a *app) waitOrders(want *retail) {
	a.t.Helper()
	a.waitFor("all orders to be counted", func() (bool, any) {
		got := a.tableCounts("order_count")
		return maps.Equal(got, want.counts), fmt.Sprintf("%d orders of %d accounts, want %d of %d", total(got), len(got), want.orders, len(want.counts))
	})
}

// checkOrders compares counts, open hours and closed hours with those computed from the file.
func checkOrders(a *app, want *retail) {
	a.t.Helper()
	a.waitOrders(want)
	closed := 0
	for s := range want.hours {
		if s.closed(want.newest) {
			closed++
		}
	}
	a.waitFor("the hours to close", func() (bool, any) {
		n := len(a.spends())
		return n >= closed, fmt.Sprintf("%d have, %d must", n, closed)
	})
	seen := map[slot]bool{}
	for _, sp := range a.spends() {
		s := slot{sp.AccountID, sp.Hour}
		if h := want.hours[s]; !s.closed(want.newest) || !near(h.sum, sp.Sum) || seen[s] {
			a.t.Errorf("spend %+v came out, want %v (has closed: %t, told before: %t)", sp, h.sum, s.closed(want.newest), seen[s])
		}
		seen[s] = true
	}
	a.checkHours("hourly_spend", want.hours, want.newest, func(v json.RawMessage) (tally, error) {
		var h tally
		return h, json.Unmarshal(v, &h.sum)
	})
}

// checkHours compares the hours that can be queried. decode reads a value; a count of zero is not compared.
func (a *app) checkHours(table string, hours map[slot]tally, newest time.Time, decode func(json.RawMessage) (tally, error)) {
	a.t.Helper()
	want := map[slot]tally{}
	for s, h := range hours {
		if s.retained(newest) {
			want[s] = h
		}
	}
	var rows []row
	a.waitFor("the expired hours to be gone", func() (bool, any) {
		rows = a.query(table)
		return len(rows) <= len(want), fmt.Sprintf("%d hours in table %s, want %d", len(rows), table, len(want))
	})
	if len(rows) != len(want) {
		a.t.Errorf("%d hours in table %s, want %d", len(rows), table, len(want))
	}
	for _, r := range rows {
		got, err := decode(r.Value)
		if err != nil {
			a.t.Fatalf("table %s: %s: %v", table, r.Value, err)
		}
		if h, ok := want[slot{r.Key, r.Start}]; !ok || !near(h.sum, got.sum) || got.n != 0 && got.n != h.n || r.End.Sub(r.Start) != time.Hour {
			a.t.Errorf("table %s has %+v for %s in [%v, %v), want %+v", table, got, r.Key, r.Start, r.End, h)
		}
	}
	if len(rows) == 0 {
		return // said above, if it is wrong
	}
	ascending(a.t, a.query(table, rows[0].Key)) // a key alone is asked for on another way than all of them
}
