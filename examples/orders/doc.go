// Package orders counts the orders of every account and sums what it spends in an hour. The orders come in any order; group_by brings
// those of one account together.
//
//	go run ./examples/orders/cmd/orders worker --broker embedded &
//	go run ./examples/orders/cmd/orders load online_retail.csv.gz
//	go run ./examples/orders/cmd/orders query order_count 17850
//
//faust:app orders
package orders
