package faust

import "time"

// Chosen returns what options choose for one record: its headers, its time (zero: the default), its partition (-1: the default). It is
// for those who send in place of a Topic, as fausttest does.
func Chosen(opts ...SendOption) (headers Headers, at time.Time, partition int32) {
	partition = -1
	for i := range opts {
		switch o := &opts[i]; o.set {
		case setHeader:
			headers = append(headers, HeaderField{Name: o.header.Name, Value: o.header.Value})
		case setTime:
			at = o.time
		case setPartition:
			partition = o.partition
		}
	}
	return headers, at, partition
}
