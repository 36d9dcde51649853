// Package filter is the benchmark's first workload: it forwards the orders of a large amount.
// It is an ordinary application; nothing in it knows that it is measured.
//
//faust:app filter
package filter

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

// Topics are made by the benchmark's driver, so that every run has an output of its own.
//
//faust:topics
type Topics struct {
	// Orders are keyed by product.
	//
	//faust:topic orders partitions=4 external
	Orders faust.Topic[string, Order]

	// Large are the orders that pass, under their own keys.
	//
	//faust:topic large partitions=4 external
	Large faust.Topic[string, Order]
}

// Forward passes on the orders of three or more.
//
//faust:agent orders sink=large
func Forward(ctx context.Context, o Order) (*Order, error) {
	if o.Amount < 3 {
		return nil, nil
	}
	return &o, nil
}
