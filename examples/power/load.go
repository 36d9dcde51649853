package power

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
)

// Neighbours is how many households are made up beside the one that was measured.
const Neighbours = 8

// DefaultData is where the measured household is looked for when neither an argument nor POWER_DATA names a file.
const DefaultData = "../shared/data/household_power_consumption.csv.gz"

// MadeUpDays is how many days of readings are made up when there is no file.
const MadeUpDays = 5

// Load sends the readings of a household, a CSV file as published by the UCI repository ("Individual household electric power
// consumption"), plain or gzipped, and those of its made-up neighbours. Without a file it makes some days up.
//
//faust:command load
func Load(ctx context.Context, args []string, out *Topics) error {
	if len(args) > 1 {
		return errors.New("name one CSV file at most: load household_power_consumption.csv.gz")
	}
	path := ""
	if len(args) == 1 {
		path = args[0]
	}
	minutes, from, err := Open(path)
	if err != nil {
		return err
	}
	began, n := time.Now(), 0
	var bad error
	// The records get the present as their time on the broker; the reading's own time is in the record.
	err = out.Readings.SendAll(ctx, func(yield func(string, Reading) bool) {
		for m, err := range minutes {
			if err != nil {
				bad = err
				return
			}
			for r := range m.Readings() {
				if n++; !yield(r.Meter, r) {
					return
				}
			}
			if n%360_000 == 0 {
				fmt.Fprintf(os.Stderr, "%d readings, up to %s\n", n, m.At.Format("2 Jan 2006"))
			}
		}
	})
	if err = errors.Join(bad, err); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	fmt.Fprintf(os.Stderr, "sent %d readings of %s in %v\n", n, from, time.Since(began).Round(time.Millisecond))
	return nil
}

// Minute is what the household's meters showed in one minute, in watts.
type Minute struct {
	At    time.Time
	Watts [4]float64 // by the order of meters
}

var meters = [4]string{"total", "kitchen", "laundry", "heating"}

// Readings are those of the household, house-0, and of its neighbours, each a little larger than the one before.
func (m Minute) Readings() iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		for house := range Neighbours + 1 {
			for i, name := range meters {
				r := Reading{Meter: "house-" + strconv.Itoa(house) + "/" + name, At: m.At, Watts: m.Watts[i] * (1 + 0.05*float64(house))}
				if !yield(r) {
					return
				}
			}
		}
	}
}

// Open returns the minutes of a file; without a path those of POWER_DATA, of DefaultData, or made-up ones. from says which.
func Open(path string) (minutes iter.Seq2[Minute, error], from string, err error) {
	if path == "" {
		path = os.Getenv("POWER_DATA")
	}
	if path == "" {
		if _, err := os.Stat(DefaultData); err != nil {
			return madeUp(), fmt.Sprintf("%d made-up days", MadeUpDays), nil
		}
		path = DefaultData
	}
	if _, err := os.Stat(path); err != nil {
		return nil, "", err
	}
	return func(yield func(Minute, error) bool) {
		if err := readFile(path, func(m Minute) bool { return yield(m, nil) }); err != nil {
			yield(Minute{}, err)
		}
	}, path, nil
}

func readFile(path string, f func(Minute) bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var r io.Reader = bufio.NewReader(file)
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if n == 1 { // the header
			continue
		}
		m, ok, err := parse(lines.Text())
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if ok && !f(m) {
			return nil
		}
	}
	return lines.Err()
}

// parse reads Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity;Sub_metering_1;Sub_metering_2;Sub_metering_3:
// the power in kW, the sub-meters in Wh of the minute. ok is false for a minute that was not measured ("?").
func parse(line string) (m Minute, ok bool, err error) {
	f := strings.Split(line, ";")
	if len(f) != 9 {
		return m, false, fmt.Errorf("%d fields instead of 9", len(f))
	}
	if m.At, err = time.Parse("2/1/2006 15:04:05", f[0]+" "+f[1]); err != nil {
		return m, false, err
	}
	for i, at := range [4]int{2, 6, 7, 8} {
		if f[at] == "?" {
			return m, false, nil
		}
		v, err := strconv.ParseFloat(f[at], 64)
		if err != nil {
			return m, false, err
		}
		if i == 0 {
			m.Watts[i] = v * 1000
		} else {
			m.Watts[i] = v * 60
		}
	}
	return m, true, nil
}

// madeUp are some days of a household that cooks, washes and heats at its hours; the same every time.
func madeUp() iter.Seq2[Minute, error] {
	return func(yield func(Minute, error) bool) {
		r := rand.New(rand.NewPCG(7, 11))
		at := time.Date(2006, 12, 16, 17, 24, 0, 0, time.UTC)
		for range MadeUpDays * 24 * 60 {
			m := Minute{At: at}
			h := at.Hour()
			if h == 7 || h == 12 || h == 19 {
				m.Watts[1] = float64(r.IntN(20) * 60)
			}
			if h == 21 {
				m.Watts[2] = float64(r.IntN(35) * 60)
			}
			if h < 7 || h > 17 {
				m.Watts[3] = float64((10 + r.IntN(9)) * 60)
			}
			m.Watts[0] = 200 + m.Watts[1] + m.Watts[2] + m.Watts[3] + float64(r.IntN(400))
			if !yield(m, nil) {
				return
			}
			at = at.Add(time.Minute)
		}
	}
}
