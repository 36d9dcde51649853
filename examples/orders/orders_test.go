package orders

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// hour is a window of HourlySpend.
func hour(h int) faust.Window {
	start := day.Add(time.Duration(h) * time.Hour)
	return faust.Window{Start: start, End: start.Add(time.Hour)}
}

func at(hour, minute int) time.Time {
	return day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

func send(d *fausttest.Driver, account, product string, amount int, price float64, at time.Time) {
	d.Send("orders", product, Order{AccountID: account, ProductID: product, Amount: amount, Price: price, At: at})
}

// quiet lets so much time pass that every partition of orders counts as idle, and holds no window open.
func quiet(d *fausttest.Driver) {
	d.Settle()
	d.Advance(5 * time.Second)
	d.Settle()
}

func TestCountsAndHours(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		send(d, "ann", "pen", 2, 1.5, at(10, 5))
		send(d, "ann", "ink", 1, 4, at(10, 50))
		send(d, "bob", "pen", 1, 1.5, at(10, 20))
		send(d, "ann", "cup", 3, 2, at(11, 4))
		quiet(d)
		if early := fausttest.Read[string, Spend](d, "spends"); len(early) != 0 {
			t.Errorf("an hour was reported before its five minutes of grace were over: %+v", early)
		}
		send(d, "bob", "cup", 1, 2, at(11, 5))
		quiet(d)

		counts := fausttest.Table[string, int64](d, "order_count")
		if want := map[string]int64{"ann": 3, "bob": 2}; !maps.Equal(counts, want) {
			t.Errorf("counts are %v, want %v", counts, want)
		}
		checkHours(t, d, map[faust.Window]map[string]float64{hour(10): {"ann": 7, "bob": 1.5}, hour(11): {"ann": 6, "bob": 2}})
		spends := checkSpends(t, d, map[Spend]bool{{"ann", at(10, 0), 7}: true, {"bob", at(10, 0), 1.5}: true})
		for _, ev := range spends {
			if want := at(11, 0).Add(-time.Millisecond); !ev.Time.Equal(want) || ev.Key != ev.Value.AccountID {
				t.Errorf("spend %+v has key %q and time %v, want %v", ev.Value, ev.Key, ev.Time, want)
			}
		}
	})
}

// A late order counts, but not in an hour that has been reported.
func TestLateOrder(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		send(d, "ann", "pen", 1, 8, at(10, 0))
		send(d, "bob", "ink", 1, 1, at(11, 30))
		quiet(d)
		reported := map[Spend]bool{{"ann", at(10, 0), 8}: true}
		checkSpends(t, d, reported)
		for _, again := range []func(){func() {}, d.Restart, d.Kill, d.KillAndWipe} {
			again()
			send(d, "ann", "pen", 1, 99, at(10, 59))
			quiet(d)
			checkHours(t, d, map[faust.Window]map[string]float64{hour(10): {"ann": 8}, hour(11): {"bob": 1}})
			checkSpends(t, d, reported)
		}
		if n := fausttest.Table[string, int64](d, "order_count")["ann"]; n != 5 {
			t.Errorf("ann has %d orders, want 5: being late for its hour makes an order no less an order", n)
		}
	})
}

// An hour can be read for a day after its end, and is gone then.
func TestHoursExpire(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		send(d, "ann", "pen", 1, 8, at(10, 0))
		send(d, "ann", "pen", 1, 5, at(34, 59))
		quiet(d)
		checkHours(t, d, map[faust.Window]map[string]float64{hour(10): {"ann": 8}, hour(34): {"ann": 5}})
		send(d, "ann", "pen", 1, 3, at(35, 0))
		quiet(d)
		checkHours(t, d, map[faust.Window]map[string]float64{hour(34): {"ann": 5}, hour(35): {"ann": 3}})
	})
}

// model is what the tests know of the orders that they have sent.
type model struct {
	counts map[string]int64
	hours  map[faust.Window]map[string]float64
	newest time.Time
}

// send sends orders from, from+1, … to-1, each two minutes after the one before, in turn by 17 accounts and of 13 products.
func (m *model) send(d *fausttest.Driver, from, to int) {
	for i := from; i < to; i++ {
		account, minute := fmt.Sprintf("a%d", i%17), i*2
		m.newest = at(0, minute)
		send(d, account, fmt.Sprintf("p%d", i%13), 1, 2, m.newest)
		m.counts[account]++
		w := hour(minute / 60)
		if m.hours[w] == nil {
			m.hours[w] = map[string]float64{}
		}
		m.hours[w][account] += 2
	}
}

// check compares the tables and what came out: every order has counted, and every hour that has closed was told once.
func (m *model) check(t *testing.T, d *fausttest.Driver) {
	t.Helper()
	if got := fausttest.Table[string, int64](d, "order_count"); !maps.Equal(got, m.counts) {
		t.Errorf("counts are %v, want %v", got, m.counts)
	}
	checkHours(t, d, m.hours)
	want := map[Spend]bool{}
	for w, accounts := range m.hours {
		for account, sum := range accounts {
			if !m.newest.Before(w.End.Add(5 * time.Minute)) {
				want[Spend{account, w.Start, sum}] = true
			}
		}
	}
	checkSpends(t, d, want)
}

func newModel() *model {
	return &model{counts: map[string]int64{}, hours: map[faust.Window]map[string]float64{}}
}

// What waits in the topic is read one partition after the other, hours apart. No order may become late by that.
func TestNothingIsLateOnReplay(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		m := newModel()
		m.send(d, 0, 300) // ten hours
		d.Workers(2)
		d.Settle()
		d.Workers(0)
		m.send(d, 300, 600) // and ten more
		d.Workers(1)
		quiet(d)
		m.check(t, d)
	}, fausttest.Begin(0))
}

// Orders come in bursts of some hours, with pauses between in which all partitions become idle. The partition that is read first must not
// make late what the burst has brought to the others.
func TestNothingIsLateInABurst(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		m := newModel()
		for i := range 6 {
			m.send(d, i*100, i*100+100)
			quiet(d)
		}
		m.check(t, d)
	}, fausttest.Begin(2))
}

// An order that nobody can have meant stops the worker, which says where it is; nothing of it is counted.
func TestBadOrderStopsTheWorker(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		send(d, "ann", "pen", 1, 8, at(10, 0))
		d.Settle()
		d.Send("orders", "pen", json.RawMessage(`{"account_id":"ann","product_id":"pen","amount":0,"price":1,"ts":"2026-03-01T10:00:00Z"}`))
		err := d.Failure()
		for _, part := range []string{"count_orders", "orders partition", "offset 1", "amount"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error doesn't mention %q: %v", part, err)
			}
		}
	})
}

// The command sends what is an order, and says how many lines are none.
func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "retail.csv")
	const csv = `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,"HOLDER, WHITE",6,12/1/2010 8:26,2.55,17850,United Kingdom
536414,22139,,56,12/1/2010 11:52,0,,United Kingdom
C536379,D,Discount,-1,12/1/2010 9:41,27.5,14527,United Kingdom
536366,22633,HAND WARMER,6,12/1/2010 8:28,1.85,17850,United Kingdom
`
	if err := os.WriteFile(file, []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		if err := Faust().RunCommand(t.Context(), "load", []string{file}, d.Options()...); err != nil {
			t.Fatal(err)
		}
		if got, want := fausttest.Table[string, int64](d, "order_count"), map[string]int64{"17850": 2}; !maps.Equal(got, want) {
			t.Errorf("counts are %v, want %v", got, want)
		}
		start := time.Date(2010, 12, 1, 8, 0, 0, 0, time.UTC)
		checkHours(t, d, map[faust.Window]map[string]float64{{Start: start, End: start.Add(time.Hour)}: {"17850": 6*2.55 + 6*1.85}})
	})
}

// checkHours compares the retained windows; sums may differ by rounding, since orders of an hour come in any order.
func checkHours(t *testing.T, d *fausttest.Driver, want map[faust.Window]map[string]float64) {
	t.Helper()
	got := fausttest.Windows[string, float64](d, "hourly_spend")
	for w, accounts := range want {
		for account, sum := range accounts {
			if have, ok := got[w][account]; !ok || math.Abs(have-sum) > 1e-6 {
				t.Errorf("%s spent %v in the hour of %s, want %v", account, have, w.Start.Format(time.RFC3339), sum)
			}
		}
		if len(got[w]) != len(accounts) {
			t.Errorf("the hour of %s has %d accounts, want %d", w.Start.Format(time.RFC3339), len(got[w]), len(accounts))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d windows are retained, want %d", len(got), len(want))
	}
}

// checkSpends checks that each of want came out once, and nothing else.
func checkSpends(t *testing.T, d *fausttest.Driver, want map[Spend]bool) []faust.Event[string, Spend] {
	t.Helper()
	spends := fausttest.Read[string, Spend](d, "spends")
	got := map[Spend]int{}
	for _, ev := range spends {
		ev.Value.Hour = ev.Value.Hour.UTC()
		if got[ev.Value]++; !want[ev.Value] {
			t.Errorf("unexpected %+v came out", ev.Value)
		}
	}
	for s := range want {
		if got[s] != 1 {
			t.Errorf("%+v came out %d times, want once", s, got[s])
		}
	}
	return spends
}
