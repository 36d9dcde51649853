package orders

import (
	"context"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

// Order is one purchase.
//
//faust:record time=At
type Order struct {
	AccountID string    `json:"account_id" validate:"required"`
	ProductID string    `json:"product_id"`
	Amount    int       `json:"amount" validate:"gte=1"`
	Price     float64   `json:"price" validate:"gte=0"`
	At        time.Time `json:"ts"`
}

// Spend is what an account spent in one hour.
//
//faust:record
type Spend struct {
	AccountID string    `json:"account_id"`
	Hour      time.Time `json:"hour"`
	Sum       float64   `json:"sum"`
}

// Topics are the application's topics. The orders' event times lie in the past, so the topics keep them for ever.
//
//faust:topics
type Topics struct {
	//faust:topic orders partitions=4 retention=forever
	Orders faust.Topic[string, Order]
	//faust:topic spends partitions=4 retention=forever
	Spends faust.Topic[string, Spend]
}

// Tables are kept per account.
//
//faust:tables
type Tables struct {
	// OrderCount is the number of orders of every account.
	OrderCount faust.Table[string, int64]

	// HourlySpend closes five minutes after the hour, in event time.
	//
	//faust:tumbling 1h grace=5m expires=24h
	HourlySpend faust.WindowTable[string, float64]
}

// CountOrders repartitions the orders by account and keeps both tables.
//
//faust:agent orders group_by=AccountID
func CountOrders(ctx context.Context, orders *faust.Stream[Order], t *Tables) error {
	for o := range orders.All() {
		t.OrderCount.Update(o.AccountID, func(n *int64) { *n++ })
		t.HourlySpend.Update(o.AccountID, func(sum *float64) { *sum += o.Price * float64(o.Amount) })
	}
	return nil
}

// ReportHour is called once for every account and hour, when the hour has closed.
//
//faust:on_window_close Tables.HourlySpend
func ReportHour(ctx context.Context, w faust.Window, account string, sum float64, out *Topics) error {
	return out.Spends.Send(ctx, account, Spend{account, w.Start, sum})
}
