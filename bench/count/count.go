// Package count is the benchmark's second workload: it counts the orders of every account.
// It is an ordinary application; nothing in it knows that it is measured.
//
//faust:app count
package count

import (
	"context"

	faust "github.com/faustgen/faustgen/runtime"
)

// Order is one purchase.
//
//faust:record
type Order struct {
	AccountID string  `json:"account_id"`
	ProductID string  `json:"product_id"`
	Amount    int     `json:"amount"`
	Price     float64 `json:"price"`
	At        string  `json:"ts"`
}

// Topics names the input, which the benchmark's driver fills.
//
//faust:topics
type Topics struct {
	// Orders are keyed by product, so counting per account must repartition them.
	//
	//faust:topic orders partitions=4 external
	Orders faust.Topic[string, Order]
}

// Tables are kept per account, on disk and in a changelog.
//
//faust:tables
type Tables struct {
	// Counts is the number of orders of every account.
	Counts faust.Table[string, int64]
}

// CountOrders adds one for every order.
//
//faust:agent orders group_by=AccountID
func CountOrders(ctx context.Context, orders *faust.Stream[Order], t *Tables) error {
	for o := range orders.All() {
		t.Counts.Update(o.AccountID, func(n *int64) { *n++ })
	}
	return nil
}
