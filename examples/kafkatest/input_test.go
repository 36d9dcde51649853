//go:build kafka

package kafkatest

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// input is the path of a file of real data.
func input(t *testing.T, variable, name string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		path = filepath.Join(s.root, "..", "shared", "data", name)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the real input is missing: %v; put %s there or name it in %s", err, name, variable)
	}
	return path
}

func unzip(path string, f func(io.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	z, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return err
	}
	return f(z)
}

// slot is one key's hour.
type slot struct {
	key  string
	hour time.Time
}

// tally is what belongs in one slot.
type tally struct {
	sum float64
	n   int64
}

// retail is what the tests know of the shop's orders.
type retail struct {
	sorted string // the same file, by time
	orders int64
	counts map[string]int64
	hours  map[slot]tally
	newest time.Time
}

// readRetail reads the shop's file, counts its orders, and writes it anew into dir with its lines by time.
func readRetail(t *testing.T, dir string) *retail {
	t.Helper()
	type line struct {
		at  time.Time
		row []string
	}
	var header []string
	var lines []line
	err := unzip(input(t, "ORDERS_DATA", "online_retail.csv.gz"), func(r io.Reader) error {
		rows, err := csv.NewReader(r).ReadAll()
		if err != nil {
			return err
		}
		header = rows[0]
		for _, row := range rows[1:] {
			at, err := time.Parse("1/2/2006 15:04", row[4])
			if err != nil {
				return err
			}
			lines = append(lines, line{at, row})
		}
		return nil
	})
	if err != nil {
		t.Fatalf("the shop's orders: %v", err)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	r := &retail{sorted: filepath.Join(dir, "sorted.csv"), counts: map[string]int64{}, hours: map[slot]tally{}}
	f, err := os.Create(r.sorted)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	out := [][]string{header}
	for _, l := range lines {
		out = append(out, l.row)
		amount, _ := strconv.Atoi(l.row[3]) // what is no number is no order
		price, err := strconv.ParseFloat(l.row[5], 64)
		if account := l.row[6]; account != "" && amount >= 1 && err == nil && price >= 0 {
			s := slot{account, l.at.Truncate(time.Hour)}
			r.orders++
			r.counts[account]++
			r.hours[s] = tally{r.hours[s].sum + price*float64(amount), r.hours[s].n + 1}
			r.newest = l.at
		}
	}
	if err := w.WriteAll(out); err != nil {
		t.Fatal(err)
	}
	return r
}

// household is what the tests know of the readings.
type household struct {
	path     string
	readings int64
	hours    map[slot]tally
	newest   time.Time
}

var readHousehold = sync.OnceValues(func() (*household, error) {
	h := &household{hours: map[slot]tally{}}
	if h.path = os.Getenv("POWER_DATA"); h.path == "" {
		h.path = filepath.Join(s.root, "..", "shared", "data", "household_power_consumption.csv.gz")
	}
	return h, unzip(h.path, func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		lines.Scan() // the header
		for lines.Scan() {
			if err := h.add(strings.Split(lines.Text(), ";")); err != nil {
				return fmt.Errorf("%s: %w", lines.Text(), err)
			}
		}
		return lines.Err()
	})
})

// add takes one minute of the house's four meters: kilowatts, and watt-hours of the minute. The neighbours use 5 % more, each than the
// one before.
func (h *household) add(f []string) error {
	at, err := time.Parse("2/1/2006 15:04:05", f[0]+" "+f[1])
	if err != nil || f[2] == "?" {
		return err
	}
	if at.Before(h.newest) {
		return fmt.Errorf("the file is not in order of time; these tests need that")
	}
	h.newest = at
	for meter, use := range map[string]struct {
		field int
		watts float64
	}{"total": {2, 1000}, "kitchen": {6, 60}, "laundry": {7, 60}, "heating": {8, 60}} {
		v, err := strconv.ParseFloat(f[use.field], 64)
		if err != nil {
			return err
		}
		for house := range 9 {
			s := slot{fmt.Sprintf("house-%d/%s", house, meter), at.Truncate(time.Hour)}
			t := h.hours[s]
			h.hours[s] = tally{t.sum + v*use.watts*(1+float64(house)/20), t.n + 1}
			h.readings++
		}
	}
	return nil
}

// grace is how long after its end an hour of the examples closes, expires how long after its end it can still be read.
const (
	grace   = 5 * time.Minute
	expires = 24 * time.Hour
)

// closed says whether an hour has closed at a stream time, retained whether it can be read.
func (s slot) closed(now time.Time) bool   { return !now.Before(s.hour.Add(time.Hour + grace)) }
func (s slot) retained(now time.Time) bool { return now.Before(s.hour.Add(time.Hour + expires)) }

func near(a, b float64) bool {
	d := a - b
	return d*d <= 1e-18*(1+a*a)
}
