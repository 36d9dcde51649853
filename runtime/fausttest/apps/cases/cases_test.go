package cases

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

// streamsCase is one case of testdata/kafka_streams.txt.
type streamsCase struct {
	name, do          string
	size, step, grace time.Duration
	inputs            []Input
	outputs           []string
	windows           map[string]int64 // key[start] → the last output

}

func readCases(t *testing.T) []*streamsCase {
	t.Helper()
	text, err := os.ReadFile("testdata/kafka_streams.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []*streamsCase
	for line := range strings.Lines(string(text)) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := strings.Fields(rest)
		switch kind {
		case "case":
			c := &streamsCase{name: words[0], do: words[1], windows: map[string]int64{}}
			c.size, c.step, c.grace = ms(t, words[2]), ms(t, words[3]), ms(t, words[4])
			all = append(all, c)
		case "in":
			c := all[len(all)-1]
			for i, w := range words {
				c.inputs = append(c.inputs, input(t, i, c.do, w))
			}
		case "out":
			c := all[len(all)-1]
			c.outputs = words
			for _, w := range words {
				_, at, _ := strings.Cut(w, ":")
				window, value, _ := strings.Cut(at, "=")
				c.windows[window] = number(t, value)
			}
		}
	}
	return all
}

// input reads key@time=value.
func input(t *testing.T, i int, do, word string) Input {
	t.Helper()
	key, rest, _ := strings.Cut(word, "@")
	at, value, _ := strings.Cut(rest, "=")
	in := Input{Index: i, Key: &key, Value: number(t, value), At: time.UnixMilli(number(t, at)).UTC(), Do: do}
	if key == "-" {
		in.Key = nil
	}
	return in
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func ms(t *testing.T, s string) time.Duration {
	t.Helper()
	return time.Duration(number(t, s)) * time.Millisecond
}

// withWindows is the application with other windows.
func withWindows(table string, size, step, grace time.Duration) *faust.App {
	spec := *Faust().Spec()
	spec.Tables = slices.Clone(spec.Tables)
	for i := range spec.Tables {
		if spec.Tables[i].Name == table {
			w := *spec.Tables[i].Window
			w.Size, w.Step, w.Grace = size, step, grace
			spec.Tables[i].Window = &w
		}
	}
	return faust.NewApp(spec)
}

// Every update of every case, and what the windows hold at the end, as Kafka Streams gives them. Windows stay readable for a day here;
// where Kafka Streams was run with a store too small for its windows, what the store lost is not asked for.
func TestAsKafkaStreams(t *testing.T) {
	cases := readCases(t)
	if len(cases) != 68 {
		t.Errorf("%d cases, want 68", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fausttest.Run(t, withWindows("windows", c.size, c.step, c.grace), func(t *testing.T, d *fausttest.Driver) {
				for _, in := range c.inputs {
					d.Send("inputs", nil, in)
				}
				var got []string
				for _, ev := range fausttest.Read[string, Output](d, "outputs") {
					o := ev.Value
					got = append(got, fmt.Sprintf("%d:%s[%d]=%d", o.Index, o.Key, o.Start, o.Value))
				}
				if !slices.Equal(got, c.outputs) {
					t.Errorf("outputs:\n got %v\nwant %v", got, c.outputs)
				}
				windows := map[string]int64{}
				for w, cells := range fausttest.Windows[string, Cell](d, "windows") {
					if w.End.Sub(w.Start) != c.size {
						t.Errorf("window %v, want a size of %v", w, c.size)
					}
					for key, cell := range cells {
						windows[fmt.Sprintf("%s[%d]", key, w.Start.UnixMilli())] = cell.Value
					}
				}
				if !reflect.DeepEqual(windows, c.windows) {
					t.Errorf("windows:\n got %v\nwant %v", windows, c.windows)
				}
			})
		})
	}
}

func sec(s float64) time.Time { return time.UnixMilli(int64(1000 * s)).UTC() }

// Faust's windowed tables: writes at the events' times, then reads at other events' times.
func TestAsFaustsWindowedTables(t *testing.T) {
	for _, c := range []struct {
		name       string
		size, step time.Duration
		writes     []float64
		looks      [][2]float64 // time, delta
		want       []int64
		windows    map[string]int64
	}{
		{"tumbling", 10 * time.Second, 10 * time.Second, []float64{101, 109, 110},
			[][2]float64{{105, 0}, {112, 0}, {130, 0}, {112, 10}, {132, 10}}, []int64{2, 1, 0, 2, 0}, map[string]int64{"100-110": 2, "110-120": 1}},
		{"hopping", 10 * time.Second, 5 * time.Second, []float64{101, 107, 111},
			[][2]float64{{101, 0}, {107, 0}, {111, 0}, {111, 5}}, []int64{2, 2, 1, 2},
			map[string]int64{"95-105": 1, "100-110": 2, "105-115": 2, "110-120": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fausttest.Run(t, withWindows("windows", c.size, c.step, 0), func(t *testing.T, d *fausttest.Driver) {
				key := "a"
				for _, at := range c.writes {
					d.Send("inputs", nil, Input{Key: &key, Value: 1, At: sec(at), Do: "sum"})
				}
				for _, l := range c.looks {
					d.Send("inputs", nil, Input{Key: &key, At: sec(l[0]), Do: "look", Delta: time.Duration(l[1]) * time.Second})
				}
				var got []int64
				for _, ev := range fausttest.Read[string, int64](d, "looks") {
					got = append(got, ev.Value)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("reads: got %v, want %v", got, c.want)
				}
				windows := map[string]int64{}
				for w, cells := range fausttest.Windows[string, Cell](d, "windows") {
					windows[fmt.Sprintf("%d-%d", w.Start.Unix(), w.End.Unix())] = cells[key].Value
				}
				if !reflect.DeepEqual(windows, c.windows) {
					t.Errorf("windows: got %v, want %v", windows, c.windows)
				}
			})
		})
	}
}

// Where Faust writes to the window that it wrote last, Now is the window of the wall clock.
func TestNowIsTheWallClock(t *testing.T) {
	fausttest.Run(t, withWindows("windows", 10*time.Second, 10*time.Second, 0), func(t *testing.T, d *fausttest.Driver) {
		start := time.Now().UTC()
		key := "a"
		d.Send("inputs", nil, Input{Key: &key, Value: 1, At: sec(101), Do: "now"})
		d.Send("inputs", nil, Input{Key: &key, Value: 5, At: sec(131), Do: "now"})
		want := map[faust.Window]map[string]Cell{{Start: start, End: start.Add(10 * time.Second)}: {"a": {6, 2}}}
		if got := fausttest.Windows[string, Cell](d, "windows"); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// Faust's close handlers. Its clean-up at a time is here an event of that time, in each partition: only events move time.
func TestAsFaustsWindowCloses(t *testing.T) {
	send := func(d *fausttest.Driver, key string, partition int32, at float64, n int64) {
		d.Send("closing", key, Input{Value: n, At: sec(at), Do: "sum"}, faust.Partition(partition))
	}
	closed := func(d *fausttest.Driver) (all []string) {
		for _, ev := range fausttest.Read[string, Output](d, "closed") {
			all = append(all, fmt.Sprintf("%s[%d]=%d", ev.Value.Key, ev.Value.Start/1000, ev.Value.Value))
		}
		slices.Sort(all)
		return all
	}
	want := func(t *testing.T, d *fausttest.Driver, want ...string) {
		t.Helper()
		if got := closed(d); !slices.Equal(got, want) {
			t.Errorf("closed: got %v, want %v", got, want)
		}
	}
	// Of these keys a, b and m belong to partition 0 of 2, and n to partition 1.
	t.Run("multiple keys, same window", func(t *testing.T) {
		fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
			send(d, "a", 0, 101, 1)
			send(d, "b", 0, 102, 2)
			send(d, "m", 0, 130, 0)
			want(t, d, "a[100]=1", "b[100]=2")
		})
	})
	t.Run("a late event is counted as late, and closes nothing again", func(t *testing.T) {
		fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
			send(d, "a", 0, 101, 1)
			send(d, "m", 0, 130, 0)
			send(d, "a", 0, 103, 5)
			send(d, "m", 0, 131, 0)
			want(t, d, "a[100]=1")
		})
	})
	t.Run("each partition closes its own windows", func(t *testing.T) {
		fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
			send(d, "a", 0, 105, 1)
			send(d, "n", 1, 55, 9)
			send(d, "m", 0, 200, 0)
			d.Settle()
			send(d, "n", 1, 200, 0)
			want(t, d, "a[100]=1", "n[50]=9")
		})
	})
}
