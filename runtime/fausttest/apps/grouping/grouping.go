// Package grouping is an application for tests: tables and windows behind a group_by, by field, path and function.
//
//faust:app grouping
package grouping

import (
	"context"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

//go:generate go tool faustgen

// Account is who visits.
//
//faust:record
type Account struct {
	ID int64 `json:"id"`
}

// Visit is one page that someone has looked at. Topics of visits are keyed by where they were collected.
//
//faust:record time=At
type Visit struct {
	Page    string    `json:"page" validate:"required"`
	Account *Account  `json:"account"`
	Seconds int64     `json:"seconds"`
	At      time.Time `json:"at"`
}

// Hour is what a page had in one hour.
//
//faust:record
type Hour struct {
	Start  time.Time `json:"start"`
	Visits int64     `json:"visits"`
}

// Topics are visits, from two collectors, and what comes of them.
//
//faust:topics
type Topics struct {
	//faust:topic visits partitions=4
	Visits faust.Topic[string, Visit]
	//faust:topic more_visits partitions=2
	MoreVisits faust.Topic[string, Visit]
	//faust:topic hours partitions=3
	Hours faust.Topic[string, Hour]
	//faust:topic traces partitions=1
	Traces faust.Topic[string, Visit]
}

// ByPage are kept per page; they have other partitions than the visits.
//
//faust:tables partitions=3
type ByPage struct {
	Visits faust.Table[string, int64]
	//faust:tumbling 1h grace=10m expires=2400h
	Hourly faust.WindowTable[string, int64]
	//faust:hopping 1h step=15m grace=10m expires=2400h
	Sliding faust.WindowTable[string, int64]
}

// ByAccount are kept per account.
//
//faust:tables
type ByAccount struct {
	AccountSeconds faust.Table[int64, int64]
}

// ByLength are kept per class of length.
//
//faust:tables
type ByLength struct {
	Lengths faust.Table[bool, int64]
}

// CountPages counts, for each page, the visits of both collectors.
//
//faust:agent visits,more_visits group_by=Page
func CountPages(ctx context.Context, visits *faust.Stream[Visit], t *ByPage) error {
	for v := range visits.All() {
		t.Visits.Update(v.Page, func(n *int64) { *n++ })
		t.Hourly.Update(v.Page, func(n *int64) { *n++ })
		t.Sliding.Update(v.Page, func(n *int64) { *n++ })
	}
	return nil
}

// CloseHour reports an hour that is over.
//
//faust:on_window_close ByPage.Hourly
func CloseHour(ctx context.Context, w faust.Window, page string, visits int64, out *Topics) error {
	return out.Hours.Send(ctx, page, Hour{w.Start, visits})
}

// SumAccounts groups by a path; visits without an account are left out.
//
//faust:agent visits group_by=Account.ID
func SumAccounts(ctx context.Context, ev faust.Event[int64, Visit], t *ByAccount) error {
	t.AccountSeconds.Update(ev.Key, func(n *int64) { *n += ev.Value.Seconds })
	return nil
}

// IsLong is a group; visits of no length belong to none.
func IsLong(v Visit) (bool, bool) { return v.Seconds >= 60, v.Seconds > 0 }

// CountLengths groups by a function.
//
//faust:agent visits group_by=IsLong
func CountLengths(ctx context.Context, ev faust.Event[bool, Visit], t *ByLength) error {
	t.Lengths.Update(ev.Key, func(n *int64) { *n++ })
	return nil
}

// Trace shows what comes through a group_by: the key, the headers and the time.
//
//faust:agent visits group_by=Page sink=traces
func Trace(ctx context.Context, ev faust.Event[string, Visit]) (*Visit, error) {
	if _, ok := ev.Headers.Get("trace"); !ok {
		return nil, nil
	}
	v := ev.Value
	v.At = ev.Time
	return &v, nil
}
