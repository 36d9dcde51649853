package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Time reads an RFC 3339 time in quotes, as time.Time's own UnmarshalJSON does.
func (r *Reader) Time(p *time.Time) {
	if r.peek() != '"' {
		r.null("an RFC 3339 time")
		return
	}
	from := r.pos
	if t, end, ok := utcTime(r.buf, from+1); ok && end < len(r.buf) && r.buf[end] == '"' {
		*p = t
		r.pos = end + 1
		return
	}
	if r.skipString(); r.err != nil {
		return
	}
	var t time.Time
	if err := t.UnmarshalJSON(r.buf[from:r.pos]); err != nil {
		r.fail(from, "an RFC 3339 time such as 2006-01-02T15:04:05Z")
		return
	}
	*p = t
}

// utcTime reads 2006-01-02T15:04:05[.999999999]Z at b[i:] and returns the index behind it. It knows this form only: not ok says nothing.
func utcTime(b []byte, i int) (t time.Time, end int, ok bool) {
	if len(b)-i < len("2006-01-02T15:04:05Z") {
		return t, 0, false
	}
	s := b[i:]
	year := digits2(s, 0)*100 + digits2(s, 2)
	month, day := digits2(s, 5), digits2(s, 8)
	hour, minute, second := digits2(s, 11), digits2(s, 14), digits2(s, 17)
	// Anything that is no digit makes a part negative, and the bits of the parts tell.
	if year|month|day|hour|minute|second < 0 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' ||
		month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return t, 0, false
	}
	nanos, n := 0, 19
	if s[n] == '.' {
		n++
		unit := 100_000_000
		for ; n < len(s) && s[n]-'0' <= 9 && unit > 0; n++ {
			nanos += int(s[n]-'0') * unit
			unit /= 10
		}
		if n == 20 || n >= len(s) {
			return t, 0, false
		}
	}
	if s[n] != 'Z' {
		return t, 0, false
	}
	seconds := daysSince1970(year, month, day)*86400 + int64(hour*3600+minute*60+second)
	return time.Unix(seconds, int64(nanos)).UTC(), i + n + 1, true
}

// digits2 is the number that two digits at s[i:] make, negative if they are none.
func digits2(s []byte, i int) int {
	_ = s[i+1]
	tens, ones := s[i]-'0', s[i+1]-'0'
	if tens > 9 || ones > 9 {
		return -1 << 20 // a hundred times that still fits 32 bits
	}
	return int(tens)*10 + int(ones)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts the days of the Gregorian calendar. Years begin in March, so that the leap day is a year's last.
func daysSince1970(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	inYear := (153*(month-3)+2)/5 + day - 1
	// 400 years are 146,097 days; the shift keeps the divisions of year -1 (January of year 0) from rounding towards zero.
	year += 400
	return int64(year)*365 + int64(year/4-year/100+year/400) + int64(inYear) - 146097 - 719468
}

// civil is the inverse of daysSince1970.
func civil(days int64) (year, month, day int) {
	days += 719468
	era := days / 146097
	if days < 0 {
		era = (days - 146096) / 146097
	}
	inEra := int(days - era*146097)
	ofEra := (inEra - inEra/1460 + inEra/36524 - inEra/146096) / 365
	inYear := inEra - (365*ofEra + ofEra/4 - ofEra/100)
	m := (5*inYear + 2) / 153
	year, month, day = int(era)*400+ofEra, m+3, inYear-(153*m+2)/5+1
	if month > 12 {
		return year + 1, month - 12, day
	}
	return year, month, day
}

var (
	errYear = errors.New("the year is outside of 0 to 9999, which RFC 3339 cannot write")
	errZone = errors.New("the time zone is a day or more from UTC, which RFC 3339 cannot write")
)

// AppendTime appends t in quotes as RFC 3339 with as many digits of the second as it needs, as encoding/json does.
// It fails for years outside of 0 to 9999 and zones of 24 hours and more.
func AppendTime(dst []byte, t time.Time) ([]byte, error) {
	dst, err := appendTime(append(dst, '"'), t)
	return append(dst, '"'), err
}

// appendTime is AppendTime without the quotes.
func appendTime(dst []byte, t time.Time) ([]byte, error) {
	offset := 0
	if t.Location() != time.UTC {
		_, offset = t.Zone()
	}
	seconds := t.Unix() + int64(offset)
	days := seconds / 86400
	rest := int(seconds - days*86400)
	if rest < 0 {
		days--
		rest += 86400
	}
	if days < -719528 || days >= 2932897 { // 0000-01-01 and 10000-01-01
		return dst, errYear
	}
	year, month, day := civil(days)
	dst = append(dst,
		byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), '-',
		byte('0'+month/10), byte('0'+month%10), '-',
		byte('0'+day/10), byte('0'+day%10), 'T',
		byte('0'+rest/36000), byte('0'+rest/3600%10), ':',
		byte('0'+rest/600%6), byte('0'+rest/60%10), ':',
		byte('0'+rest%60/10), byte('0'+rest%10))
	if nanos := t.Nanosecond(); nanos != 0 {
		dst = appendFraction(dst, uint64(nanos), 9)
	}
	if offset == 0 {
		return append(dst, 'Z'), nil
	}
	sign, minutes := byte('+'), offset/60
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	if minutes >= 24*60 {
		return dst, errZone
	}
	return append(dst, sign, byte('0'+minutes/600), byte('0'+minutes/60%10), ':', byte('0'+minutes%60/10), byte('0'+minutes%10)), nil
}

// appendFraction appends a point and n, which has that many digits, without trailing zeros.
func appendFraction(dst []byte, n uint64, digits int) []byte {
	for n%10 == 0 {
		n /= 10
		digits--
	}
	dst = append(dst, ".000000000000000"[:digits+1]...)
	for i := len(dst) - 1; n > 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// TimeLayout reads a string as a time of that layout (of package time); without a zone in it, UTC.
func (r *Reader) TimeLayout(p *time.Time, layout string) {
	if r.peek() != '"' {
		r.null("a time as " + strconv.Quote(layout))
		return
	}
	from := r.pos
	text, _, ok := r.text()
	if !ok {
		return
	}
	t, err := time.Parse(layout, string(text))
	if err != nil {
		r.fail(from, "a time as "+strconv.Quote(layout))
		return
	}
	*p = t
}

// AppendTimeLayout appends t in quotes in that layout. What t is in another zone than the layout writes is lost.
func AppendTimeLayout(dst []byte, t time.Time, layout string) []byte {
	from := len(dst) + 1
	dst = t.AppendFormat(append(dst, '"'), layout)
	for _, c := range dst[from:] {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			return AppendString(dst[:from-1], string(dst[from:]))
		}
	}
	return append(dst, '"')
}

// TimeEpoch reads a number as the time since 1970 in units per second (1, 1e3 or 1e6), in UTC. Digits below a nanosecond are dropped.
func (r *Reader) TimeEpoch(p *time.Time, perSecond int64) {
	n, ok := r.number()
	if !ok {
		return
	}
	end := n.end
	text := r.buf[r.pos:end]
	if point := bytes.IndexByte(text, '.'); point >= 0 && len(text) > point+10 && !bytes.ContainsAny(text, "eE") {
		n, _ = scanNumber(text[:point+10], 0) // the digits behind these are below a nanosecond
		n.end = end
	}
	if n.digits > 19 || n.mantissa > math.MaxInt64 || n.exp > 0 || n.exp < -18 {
		f, ok := r.parseFloat(n, 64)
		if whole := math.Floor(f / float64(perSecond)); ok && math.Abs(whole) < 1<<53 {
			*p = time.Unix(int64(whole), int64((f/float64(perSecond)-whole)*1e9)).UTC()
		} else if ok {
			r.failRange(r.pos, "a number of seconds", 53)
		}
		return
	}
	// unit × perSecond is what the mantissa counts in a second, in two steps because their product can overflow.
	unit := int64(1)
	for i := n.exp; i < 0; i++ {
		unit *= 10
	}
	whole, fraction := int64(n.mantissa)/unit, int64(n.mantissa)%unit
	seconds, rest := whole/perSecond, whole%perSecond
	nanosPer := 1_000_000_000 / perSecond
	nanos := rest * nanosPer
	for unit > 1_000_000_000 { // fraction × nanosPer must fit
		unit /= 10
		fraction /= 10
	}
	nanos += fraction * nanosPer / unit
	if n.negative {
		seconds, nanos = -seconds, -nanos
	}
	*p = time.Unix(seconds, nanos).UTC()
	r.pos = n.end
}

// AppendTimeEpoch appends the time since 1970 as an integer of units per second (1, 1e3 or 1e6), rounded down.
// It fails where that integer has more than 64 bits.
func AppendTimeEpoch(dst []byte, t time.Time, perSecond int64) ([]byte, error) {
	seconds := t.Unix()
	if limit := math.MaxInt64/perSecond - 1; seconds > limit || seconds < -limit {
		return dst, fmt.Errorf("the time %s does not fit an epoch of 64 bits", t.Format(time.RFC3339))
	}
	return strconv.AppendInt(dst, seconds*perSecond+int64(t.Nanosecond())*perSecond/1_000_000_000, 10), nil
}

// MustTime is a time of a default= tag. The generator has parsed it before, so it panics only on a mistake of the generator.
func MustTime(layout, text string) time.Time {
	t, err := time.Parse(layout, text)
	if err != nil {
		panic(fmt.Sprintf("the default time %q: %v; run go generate", text, err))
	}
	return t
}
