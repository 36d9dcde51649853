package orders

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Load sends the invoice lines of an online shop, a CSV file as published by the UCI repository ("Online Retail"), plain or gzipped.
// Lines without a customer, and returns, are no orders: they are counted and left out.
//
//faust:command load
func Load(ctx context.Context, args []string, out *Topics) error {
	if len(args) != 1 {
		return errors.New("name one CSV file: load online_retail.csv.gz")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	sent, left := 0, 0
	err = ReadOrders(f, func(o Order, ok bool) error {
		if !ok {
			left++
			return nil
		}
		sent++
		return out.Orders.Send(ctx, o.ProductID, o)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	fmt.Printf("sent %d orders; left out %d lines that are none (no customer, or returned)\n", sent, left)
	return nil
}

// ReadOrders calls f for each line of the file, with ok false for one that is no order.
func ReadOrders(r io.Reader, f func(o Order, ok bool) error) error {
	in := bufio.NewReader(r)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		in = bufio.NewReader(z)
	}
	rows := csv.NewReader(in)
	rows.ReuseRecord = true
	if _, err := rows.Read(); err != nil { // the header
		return err
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		o, ok, err := orderOf(row)
		if err != nil {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
		if err := f(o, ok); err != nil {
			return err
		}
	}
}

// orderOf reads InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country.
func orderOf(row []string) (o Order, ok bool, err error) {
	amount, err := strconv.Atoi(row[3])
	if err != nil {
		return o, false, err
	}
	price, err := strconv.ParseFloat(row[5], 64)
	if err != nil {
		return o, false, err
	}
	at, err := time.Parse("1/2/2006 15:04", row[4])
	if err != nil {
		return o, false, err
	}
	o = Order{AccountID: strings.Clone(row[6]), ProductID: strings.Clone(row[1]), Amount: amount, Price: price, At: at}
	return o, o.AccountID != "" && amount >= 1 && price >= 0, nil
}
