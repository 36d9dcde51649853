//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// recordsPerPackage is fixed by source below.
const recordsPerPackage = 5

func packageName(i int) string { return fmt.Sprintf("shop%02d", i) }

// writeModule makes a module with n packages at dir, which takes faustgen and its dependencies from the checkout root.
// Nothing is downloaded: it requires exactly what the checkout does.
func writeModule(dir, root string, n int) error {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return fmt.Errorf("read the checkout's go.mod: %w", err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return fmt.Errorf("read the checkout's go.sum: %w", err)
	}
	files := map[string]string{"go.mod": moduleFile(string(mod), root), "go.sum": string(sum)}
	for i := range n {
		files[filepath.Join(packageName(i), packageName(i)+".go")] = source(packageName(i))
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make the module: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the module: %w", err)
		}
	}
	return nil
}

var (
	moduleLine = regexp.MustCompile(`(?m)^module (\S+)$`)
	toolLine   = regexp.MustCompile(`(?m)^tool (?:\((?s:.*?)\n\)|\S+)$`)
)

// moduleFile is the checkout's go.mod under another name, requiring the checkout itself.
func moduleFile(mod, root string) string {
	path := moduleLine.FindStringSubmatch(mod)[1]
	text := moduleLine.ReplaceAllString(toolLine.ReplaceAllString(mod, ""), "module example.com/shops")
	return fmt.Sprintf("%s\nrequire %s v0.0.0\n\nreplace %s => %s\n", strings.TrimRight(text, "\n"), path, path, root)
}

// source is one package: an application with five records, three topics, a table, a windowed table and three agents.
func source(name string) string {
	return strings.ReplaceAll(`// Package NAME is one of many alike.
//
//faust:app NAME
package NAME

import (
	"context"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

// Order is one purchase.
//
//faust:record time=At
type Order struct {
	ID       string            `+"`json:\"id\" validate:\"required\"`"+`
	Account  string            `+"`json:\"account_id\"`"+`
	Lines    []Line            `+"`json:\"lines\"`"+`
	Ship     *Address          `+"`json:\"ship,omitempty\"`"+`
	Tags     map[string]string `+"`json:\"tags,omitempty\"`"+`
	Paid     bool              `+"`json:\"paid\"`"+`
	Discount float64           `+"`json:\"discount\" validate:\"gte=0,lte=1\"`"+`
	At       time.Time         `+"`json:\"ts\"`"+`
}

// Line is one position of an order.
//
//faust:record
type Line struct {
	Product string  `+"`json:\"product_id\" validate:\"required\"`"+`
	Amount  int     `+"`json:\"amount\" validate:\"gte=1\"`"+`
	Price   float64 `+"`json:\"price\"`"+`
	Note    *string `+"`json:\"note,omitempty\"`"+`
}

// Address is where an order goes.
//
//faust:record
type Address struct {
	Name    string   `+"`json:\"name\"`"+`
	Street  []string `+"`json:\"street\"`"+`
	Zip     string   `+"`json:\"zip\"`"+`
	Country string   `+"`json:\"country\" validate:\"oneof=at ch de\"`"+`
}

// Visit is one page seen by somebody.
//
//faust:record time=At
type Visit struct {
	Page    string        `+"`json:\"page\"`"+`
	Account string        `+"`json:\"account_id\"`"+`
	Took    time.Duration `+"`json:\"took\"`"+`
	Status  uint16        `+"`json:\"status\"`"+`
	At      time.Time     `+"`json:\"ts\"`"+`
}

// Total is what an account spent in an hour.
//
//faust:record
type Total struct {
	Account string    `+"`json:\"account_id\"`"+`
	Hour    time.Time `+"`json:\"hour\"`"+`
	Sum     float64   `+"`json:\"sum\"`"+`
	Orders  int64     `+"`json:\"orders\"`"+`
}

// Topics of the shop.
//
//faust:topics
type Topics struct {
	//faust:topic orders partitions=4
	Orders faust.Topic[string, Order]
	//faust:topic visits partitions=4
	Visits faust.Topic[string, Visit]
	//faust:topic totals partitions=4
	Totals faust.Topic[string, Total]
}

// Tables of the accounts.
//
//faust:tables
type Tables struct {
	// Counts is the number of orders.
	Counts faust.Table[string, int64]

	// Hourly is what was spent.
	//
	//faust:tumbling 1h grace=5m expires=24h
	Hourly faust.WindowTable[string, float64]
}

// CountOrders keeps both tables.
//
//faust:agent orders group_by=Account
func CountOrders(ctx context.Context, orders *faust.Stream[Order], t *Tables) error {
	for o := range orders.All() {
		t.Counts.Update(o.Account, func(n *int64) { *n++ })
		for _, line := range o.Lines {
			t.Hourly.Update(o.Account, func(sum *float64) { *sum += line.Price * float64(line.Amount) })
		}
	}
	return nil
}

// WelcomeBack sends a total of nothing for everybody who visits.
//
//faust:agent visits
func WelcomeBack(ctx context.Context, v Visit, out *Topics) error {
	return out.Totals.Send(ctx, v.Account, Total{Account: v.Account, Hour: v.At})
}

// CloseHour reports what an account spent in an hour that is over.
//
//faust:on_window_close Tables.Hourly
func CloseHour(ctx context.Context, w faust.Window, account string, sum float64, out *Topics) error {
	return out.Totals.Send(ctx, account, Total{Account: account, Hour: w.Start, Sum: sum})
}
`, "NAME", name)
}
