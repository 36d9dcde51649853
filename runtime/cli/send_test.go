package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/cli/clitest"
)

func topicOf(t testing.TB, name string) *envelopes {
	t.Helper()
	p := &program{app: clitest.Faust()}
	topic := p.topic(name)
	if topic == nil {
		t.Fatalf("no topic %s", name)
	}
	return &envelopes{topic: topic}
}

// A line of a file is an object with key, value and time, each checked.
func TestLine(t *testing.T) {
	const value = `{"watts":5,"at":"2026-03-01T12:00:00Z"}`
	e := topicOf(t, "readings")
	for line, want := range map[string]struct {
		key, value string
		time       int64
	}{
		`{"key":7,"value":` + value + `,"time":1772366400000}`:                            {"7", value, 1772366400000},
		` { "time" : "2026-03-01T12:00:00.5Z" , "value" : ` + value + ` , "key" : -7 } `:  {"-7", value, 1772366400500},
		`{"key":7,"value":null,"time":"2026-03-01T13:00:00+01:00"}`:                       {"7", "nil", 1772366400000},
		`{"value":` + value + `,"time":0}`:                                                {"nil", value, 0},
		`{"key":null,"value":{"at":"2026-03-01T12:00:00Z","watts":5,"extra":1},"time":1}`: {"nil", value, 1},
	} {
		raw, err := e.read([]byte(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := text(raw.Key); got != want.key {
			t.Errorf("%s: key %s, want %s", line, got, want.key)
		}
		if got := text(raw.Value); got != want.value {
			t.Errorf("%s: value %s, want %s", line, got, want.value)
		}
		if raw.Time != want.time || raw.Partition != -1 || raw.Topic != "readings" {
			t.Errorf("%s: %+v", line, raw)
		}
	}
	before := time.Now().UnixMilli()
	if raw, err := e.read([]byte(`{"value":` + value + `}`)); err != nil || raw.Time < before {
		t.Errorf("without time it is now: %d, %v", raw.Time, err)
	}
}

func text(b []byte) string {
	if b == nil {
		return "nil"
	}
	return string(b)
}

func TestBadLines(t *testing.T) {
	for line, want := range map[string]string{
		`{"key":7}`:                                                 "no value; write null to delete the key",
		`{"keys":7,"value":null}`:                                   `unknown member "keys"`,
		`{"Key":7,"value":null}`:                                    `unknown member "Key"`,
		`{"key":7,"key":8,"value":null}`:                            `member "key" twice`,
		`{"key":"seven","value":null}`:                              "key (int64)",
		`{"key":7,"value":{"watts":-1}}`:                            "watts: must be at least 0",
		`{"key":7,"value":{"watts":5}}`:                             "the event time is missing",
		`{"key":7,"value":{"watts":5,"at":"1969-03-01T12:00:00Z"}}`: "before 1970",
		`{"key":7,"value":{"watts":"x"}}`:                           "value: json: watts: expected",
		`{"key":7,"value":{"watts":1}`:                              "expected",
		`{"key":7,"value":null} x`:                                  "the end of the document",
		`[7]`:                                                       "expected an object",
		`null`:                                                      "null is no object",
		`{"key":7,"value":null,"time":"noon"}`:                      `time: "noon" is no time`,
		`{"key":7,"value":null,"time":1.5}`:                         `time: "1.5" is no time`,
		`{"key":7,"value":null,"time":"1772366"}`:                   "ms since 1970 stand without quotes",
		`{"key":7,"value":null,"time":-1}`:                          "before 1970",
		`{"key":7,"value":null,"time":[]}`:                          "is no time",
		`key,value`:                                                 "expected an object",
	} {
		if raw, err := topicOf(t, "readings").read([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", line, raw, err, want)
		}
	}
	if _, err := topicOf(t, "names").read([]byte(`{"value":"ann"}`)); err == nil || !strings.Contains(err.Error(), "compacted") {
		t.Errorf("a record without key for a compacted topic: %v", err)
	}
	if _, err := topicOf(t, "words").value([]byte(`red`)); err == nil || !strings.Contains(err.Error(), `write '"red"'`) {
		t.Errorf("a bare word: %v", err)
	}
	if b, err := topicOf(t, "words").value([]byte(`"red"`)); err != nil || string(b) != "red" {
		t.Errorf("codec=text: %q, %v", b, err)
	}
	if raw, err := topicOf(t, "words").read([]byte(`{"key":"","value":""}`)); err != nil || raw.Key == nil || raw.Value == nil {
		t.Errorf("empty is not null: %+v, %v", raw, err)
	}
}

// Lines may be longer than the buffer, and the last one may lack its end.
func TestLineReader(t *testing.T) {
	long := strings.Repeat("x", 50)
	l := lineReader{r: bufio.NewReaderSize(strings.NewReader("a\n"+long+"\n\n"+long), 16)}
	var got []string
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d:%s", l.n, line))
	}
	if want := []string{"1:a\n", "2:" + long + "\n", "3:\n", "4:" + long}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzLine looks for lines that are taken although they have no value, or that make the reader panic.
func FuzzLine(f *testing.F) {
	for _, line := range []string{`{"key":7,"value":{"watts":5},"time":1}`, `{"value":null}`, `{"key":`, `null`, `{"time":"2026-03-01T12:00:00Z","value":{}}`, `{"time":"`} {
		f.Add([]byte(line))
	}
	e := topicOf(f, "readings")
	f.Fuzz(func(t *testing.T, line []byte) {
		raw, err := e.read(line)
		if err == nil && (!strings.Contains(string(line), "value") && !strings.Contains(string(line), `\u`) || raw.Time < 0) {
			t.Errorf("%q was taken: %+v", line, raw)
		}
	})
}

// BenchmarkLine is the cost of a line of a file, without sending it.
func BenchmarkLine(b *testing.B) {
	e := topicOf(b, "readings")
	line := []byte(`{"key":7,"value":{"watts":5,"at":"2026-03-01T12:00:00Z"},"time":1772366400000}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.read(line); err != nil {
			b.Fatal(err)
		}
	}
}
