package codec

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"
)

// Times are read as time.Time reads them, whatever is wrong with them.
func TestTimeDocuments(t *testing.T) {
	docs := []string{
		`"2024-01-02T03:04:05Z"`, `"2024-01-02T03:04:05.5Z"`, `"2024-01-02T03:04:05.123456789Z"`, `"2024-01-02T03:04:05.1234567891Z"`, `"2024-01-02T03:04:05.Z"`, `"2024-01-02T03:04:05,5Z"`,
		`"2024-01-02T03:04:05+00:00"`, `"2024-01-02T03:04:05+01:30"`, `"2024-01-02T03:04:05-23:59"`, `"2024-01-02T03:04:05+24:00"`, `"2024-01-02T03:04:05+01:60"`, `"2024-01-02T03:04:05+0200"`,
		`"2024-01-02T3:04:05Z"`, `"2024-01-02t03:04:05Z"`, `"2024-01-02T03:04:05z"`, `"2024-01-02 03:04:05Z"`, `"2024-01-02T03:04:05"`, `"2024-01-02"`, `"2018-12"`, `"2018-12-04 19:36"`, `"2018-12-04T19:36:08 +0100"`,
		`"2024-02-29T00:00:00Z"`, `"2023-02-29T00:00:00Z"`, `"1900-02-29T00:00:00Z"`, `"2000-02-29T00:00:00Z"`, `"2024-04-31T00:00:00Z"`, `"2024-00-01T00:00:00Z"`, `"2024-13-01T00:00:00Z"`, `"2024-01-00T00:00:00Z"`,
		`"2024-01-02T24:00:00Z"`, `"2024-01-02T23:60:00Z"`, `"2024-01-02T23:59:60Z"`, `"0000-01-01T00:00:00Z"`, `"0000-02-29T00:00:00Z"`, `"9999-12-31T23:59:59.999999999Z"`, `"10000-01-01T00:00:00Z"`, `"0001-01-01T00:00:00Z"`,
		`"2024-01-02T03:04:05\u005a"`, `"2024-01-02T03:04:05Z`, `""`, `"zz"`, `12`, `[]`, `null`, `nul`, `true`, `"2o24-01-02T03:04:05Z"`, `"2024-01-02T03:04:05.12x"`, `"2024-01-02T03:04:05ZZ"`,
	}
	for _, doc := range docs {
		var want, got time.Time
		wantErr := json.Unmarshal([]byte(doc), &want)
		var r Reader
		r.Reset([]byte(doc))
		r.Time(&got)
		if err := r.Finish(); (err == nil) != (wantErr == nil) || err == nil && (!got.Equal(want) || got.String() != want.String()) {
			t.Errorf("%s is %v, %v; encoding/json says %v, %v", doc, got, err, want, wantErr)
		}
	}
}

// Times are written as encoding/json writes them, over the whole range of years, and read back.
func TestTimesRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	zones := []*time.Location{time.UTC, time.FixedZone("", 3600), time.FixedZone("", -5400), time.FixedZone("x", 59), time.FixedZone("", 86399), time.FixedZone("", 86400), time.FixedZone("", -86400), time.FixedZone("", -3599)}
	for i := range 20000 {
		at := time.Unix(r.Int64N(253402300800+62167219200+2e9)-62167219200-1e9, 0)
		if i%2 == 0 {
			at = at.Add(time.Duration(r.IntN(1e9)))
		}
		if i%3 == 0 {
			at = at.Truncate(time.Millisecond)
		}
		at = at.In(zones[r.IntN(len(zones))])
		want, wantErr := json.Marshal(at)
		got, err := AppendTime(nil, at)
		if (err == nil) != (wantErr == nil) || err == nil && string(got) != string(want) {
			t.Fatalf("%v is %s, %v; encoding/json says %s, %v", at, got, err, want, wantErr)
		}
		if err != nil {
			continue
		}
		var back time.Time
		rd := Reader{}
		rd.Reset(got)
		if rd.Time(&back); rd.Finish() != nil || !back.Equal(at.Truncate(time.Nanosecond)) && at.Location() != zones[3] && at.Location() != zones[4] && at.Location() != zones[7] {
			t.Fatalf("%v came back as %v, %v", at, back, rd.Err())
		}
	}
}

// Every day of 800 years is the day that package time says it is.
func TestCalendar(t *testing.T) {
	for at := time.Date(-1, 12, 30, 0, 0, 0, 0, time.UTC); at.Year() < 800; at = at.AddDate(0, 0, 1) {
		days := at.Unix() / 86400
		year, month, day := civil(days)
		if y, m, d := at.Date(); year != y || month != int(m) || day != d {
			t.Fatalf("%v is %d-%d-%d", at, year, month, day)
		}
		if got := daysSince1970(year, month, day); year >= 0 && got != days {
			t.Fatalf("%v is day %d, not %d", at, days, got)
		}
	}
}

// Epochs are exact to the nanosecond, before 1970 too.
func TestTimeEpoch(t *testing.T) {
	for _, test := range []struct {
		doc       string
		perSecond int64
		want      string
	}{
		{"1700000000", 1, "2023-11-14T22:13:20Z"}, {"1700000000.5", 1, "2023-11-14T22:13:20.5Z"}, {"1700000000.123456789", 1, "2023-11-14T22:13:20.123456789Z"}, {"1700000000.1234567899", 1, "2023-11-14T22:13:20.123456789Z"},
		{"1700000000123", 1000, "2023-11-14T22:13:20.123Z"}, {"1700000000123.25", 1000, "2023-11-14T22:13:20.12325Z"}, {"1700000000123456", 1e6, "2023-11-14T22:13:20.123456Z"},
		{"-1", 1, "1969-12-31T23:59:59Z"}, {"-0.25", 1, "1969-12-31T23:59:59.75Z"}, {"-1500", 1000, "1969-12-31T23:59:58.5Z"}, {"0", 1, "1970-01-01T00:00:00Z"}, {"-62135596800", 1, "0001-01-01T00:00:00Z"},
		{"1.7e9", 1, "2023-11-14T22:13:20Z"}, {"null", 1, "0001-01-01T00:00:00Z"}, {`"1700000000"`, 1, ""}, {"1e300", 1, ""}, {"99999999999999999999", 1000, ""}, {"x", 1, ""}, {"[]", 1, ""},
	} {
		var r Reader
		var got time.Time
		r.Reset([]byte(test.doc))
		r.TimeEpoch(&got, test.perSecond)
		if err := r.Finish(); (err == nil) != (test.want != "") || err == nil && got.Format(time.RFC3339Nano) != test.want {
			t.Errorf("%s at %d is %v, %v", test.doc, test.perSecond, got.Format(time.RFC3339Nano), err)
		}
	}
	at := time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.FixedZone("", 0))
	for perSecond, want := range map[int64]string{1: "-1", 1000: "-1", 1e6: "-1"} {
		if got, err := AppendTimeEpoch(nil, at, perSecond); err != nil || string(got) != want {
			t.Errorf("%v at %d is %s, %v", at, perSecond, got, err)
		}
	}
	if got, err := AppendTimeEpoch([]byte("x"), time.Unix(1<<62, 0), 1000); err == nil || string(got) != "x" {
		t.Errorf("a time beyond 64 bits is %s, %v", got, err)
	}
}

// A layout is read and written as package time does; what it writes is escaped where it must be.
func TestTimeLayout(t *testing.T) {
	const layout = "02/01/2006 15:04:05"
	var r Reader
	var got time.Time
	r.Reset([]byte(`"16/12/2006 17:24:00"`))
	if r.TimeLayout(&got, layout); r.Finish() != nil || got != time.Date(2006, 12, 16, 17, 24, 0, 0, time.UTC) {
		t.Error(got, r.Err())
	}
	if b := AppendTimeLayout(nil, got, layout); string(b) != `"16/12/2006 17:24:00"` {
		t.Errorf("%s", b)
	}
	if b := AppendTimeLayout(nil, got, "2006 \"o'clock\" é\n"); string(b) != "\"2006 \\\"o'clock\\\" é\\n\"" {
		t.Errorf("%s", b)
	}
	for _, doc := range []string{`"2006-12-16"`, `12`, `"16/12/2006`, ``} {
		r.Reset([]byte(doc))
		if r.TimeLayout(&got, layout); r.Finish() == nil {
			t.Errorf("%s is %v", doc, got)
		}
	}
	r.Reset([]byte(`null`))
	if r.TimeLayout(&got, layout); r.Finish() != nil || got.Year() != 2006 {
		t.Error("a null has changed a time with a layout")
	}
}
