package group

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

var (
	sampleSubscription = Subscription{
		Topics:          []string{"orders", "payments"},
		Owned:           []Task{{"orders", 0}, {"orders", 3}, {"payments", 1}},
		OwnedPartitions: []record.TopicPartition{{Topic: "orders", Partition: 0}, {Topic: "orders", Partition: 3}},
		Generation:      7,
		Address:         "10.0.0.1:6066",
		Former:          []Task{{"orders", 2}},
	}
	sampleAssignment = Assignment{
		Tasks:      []Task{{"orders", 1}},
		Partitions: []record.TopicPartition{{Topic: "orders", Partition: 1}, {Topic: "refunds", Partition: 1}},
		Member:     "faust-1",
	}
)

func TestMetadataRoundTrip(t *testing.T) {
	for _, s := range []Subscription{{Generation: -1}, sampleSubscription} {
		if got, err := DecodeSubscription(EncodeSubscription(s)); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("subscription %+v came back as %+v, %v", s, got, err)
		}
	}
	for _, a := range []Assignment{{}, sampleAssignment} {
		if got, err := DecodeAssignment(EncodeAssignment(a)); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("assignment %+v came back as %+v, %v", a, got, err)
		}
	}
}

// TestMetadataBytes holds the bytes of docs/formats.md: Kafka's tools and older workers read them.
func TestMetadataBytes(t *testing.T) {
	want := "\x00\x02" + "\x00\x00\x00\x01\x00\x01t" + "\x00\x00\x00\x30" + // version 2, topics, length of the user data
		"F\x01" +
		"\x01\x00\x00\x00\x0f" + "\x00\x00\x00\x01\x00\x01c\x00\x00\x00\x01\x00\x00\x00\x05" + // owned
		"\x02\x00\x00\x00\x04" + "\x00\x00\x00\x09" + // generation
		"\x03\x00\x00\x00\x03" + "h:1" + // address
		"\x04\x00\x00\x00\x04" + "\x00\x00\x00\x00" + // former
		"\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x01\x00\x00\x00\x05" + "\x00\x00\x00\x09" // partitions, generation
	s := Subscription{Topics: []string{"t"}, Owned: []Task{{"c", 5}, {"c", 5}}, Generation: 9, Address: "h:1",
		OwnedPartitions: []record.TopicPartition{{Topic: "t", Partition: 5}}}
	if got := string(EncodeSubscription(s)); got != want {
		t.Errorf("subscription\n%q, want\n%q", got, want)
	}
	want = "\x00\x01" + "\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x01\x00\x00\x00\x05" + "\x00\x00\x00\x1c" +
		"F\x01" + "\x01\x00\x00\x00\x0f" + "\x00\x00\x00\x01\x00\x01c\x00\x00\x00\x01\x00\x00\x00\x05" + "\x02\x00\x00\x00\x01m"
	a := Assignment{Tasks: []Task{{"c", 5}}, Partitions: []record.TopicPartition{{Topic: "t", Partition: 5}}, Member: "m"}
	if got := string(EncodeAssignment(a)); got != want {
		t.Errorf("assignment\n%q, want\n%q", got, want)
	}
}

// TestMetadataSameSetSameBytes matters because the coordinator rebalances when a member's metadata changes.
func TestMetadataSameSetSameBytes(t *testing.T) {
	s := sampleSubscription
	s.Owned = []Task{{"payments", 1}, {"orders", 3}, {"orders", 0}}
	if !bytes.Equal(EncodeSubscription(s), EncodeSubscription(sampleSubscription)) {
		t.Error("the order of the tasks shows in the bytes")
	}
}

func TestMetadataOtherVersions(t *testing.T) {
	// A consumer that isn't ours, version 0: topics and no user data.
	got, err := DecodeSubscription([]byte("\x00\x00\x00\x00\x00\x01\x00\x01t\xff\xff\xff\xff"))
	if want := (Subscription{Topics: []string{"t"}, Generation: -1}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("version 0 is read as %+v, %v; want %+v", got, err, want)
	}
	// Version 3 adds a rack, and one yet unknown adds more.
	ours := EncodeSubscription(sampleSubscription)
	for _, tail := range []string{"\x03\xff\xff", "\x03\x00\x02r1", "\x63\xff\xffand more"} {
		b := append(bytes.Clone(ours), tail[1:]...)
		b[1] = tail[0]
		if got, err := DecodeSubscription(b); err != nil || !reflect.DeepEqual(got, sampleSubscription) {
			t.Errorf("version %d is read as %+v, %v", tail[0], got, err)
		}
	}
	// A newer user data: its version, an unknown field, and a known one that grew.
	user := append([]byte{'F', 2}, "\x63\x00\x00\x00\x01?"+"\x02\x00\x00\x00\x06\x00\x00\x00\x08!!"...)
	b := appendInt32(appendPartitions(appendBytes([]byte{0, 2, 0, 0, 0, 0}, user), nil), 8)
	if got, err := DecodeSubscription(b); err != nil || got.Generation != 8 {
		t.Errorf("newer user data is read as %+v, %v; want generation 8", got, err)
	}
	// The same growth under version 1 is damage.
	b[bytes.IndexByte(b, 'F')+1] = 1
	if _, err := DecodeSubscription(b); !errors.Is(err, ErrFormat) {
		t.Errorf("a field too long under a known version: got %v", err)
	}
	if a, err := DecodeAssignment(nil); err != nil || a.Tasks != nil {
		t.Errorf("no bytes are read as %+v, %v; want an empty assignment", a, err)
	}
}

func TestMetadataDamage(t *testing.T) {
	for _, whole := range [][]byte{EncodeSubscription(sampleSubscription), EncodeAssignment(sampleAssignment)} {
		decode := func(b []byte) error { _, err := DecodeSubscription(b); return err }
		if whole[1] == assignmentVersion {
			decode = func(b []byte) error { _, err := DecodeAssignment(b); return err }
		}
		for n := 1; n < len(whole); n++ {
			if err := decode(whole[:n]); !errors.Is(err, ErrFormat) {
				t.Errorf("cut after %d of %d bytes: got %v, want ErrFormat", n, len(whole), err)
			}
		}
		if err := decode(append(bytes.Clone(whole), 0)); !errors.Is(err, ErrFormat) {
			t.Errorf("one byte too many: got %v, want ErrFormat", err)
		}
		foreign := bytes.Replace(whole, []byte("F\x01"), []byte("G\x01"), 1)
		if err := decode(foreign); !errors.Is(err, ErrFormat) {
			t.Errorf("user data of another assignor: got %v, want ErrFormat", err)
		}
	}
	if _, err := DecodeSubscription([]byte("\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00")); !errors.Is(err, ErrFormat) {
		t.Errorf("a negative version: got %v, want ErrFormat", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(EncodeSubscription(sampleSubscription))
	f.Add(EncodeAssignment(sampleAssignment))
	f.Add([]byte("\x00\x01\x7f\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := DecodeSubscription(b); err == nil {
			again := EncodeSubscription(s)
			twice, err := DecodeSubscription(again)
			if err != nil || !bytes.Equal(EncodeSubscription(twice), again) {
				t.Fatalf("subscription %+v came back as %+v, %v", s, twice, err)
			}
		} else if !errors.Is(err, ErrFormat) {
			t.Fatalf("damage gives %v, want ErrFormat", err)
		}
		if a, err := DecodeAssignment(b); err == nil {
			again := EncodeAssignment(a)
			twice, err := DecodeAssignment(again)
			if err != nil || !bytes.Equal(EncodeAssignment(twice), again) {
				t.Fatalf("assignment %+v came back as %+v, %v", a, twice, err)
			}
		} else if !errors.Is(err, ErrFormat) {
			t.Fatalf("damage gives %v, want ErrFormat", err)
		}
	})
}
