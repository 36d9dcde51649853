// Package keys is an application for tests: every kind of key, and every codec of values.
//
//faust:app keys partitions=3
package keys

import (
	"context"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

//go:generate go tool faustgen

// Place is a key that is a record.
//
//faust:record
type Place struct {
	Row  int    `json:"row"`
	Seat string `json:"seat"`
}

// Name is a key of a type of its own.
type Name string

// Topics have one kind of key each.
//
//faust:topics
type Topics struct {
	//faust:topic ints
	Ints faust.Topic[int64, string]
	//faust:topic longs key_codec=be
	Longs faust.Topic[int64, string]
	//faust:topic integers key_codec=be
	Integers faust.Topic[int32, string]
	//faust:topic bools
	Bools faust.Topic[bool, string]
	//faust:topic times
	Times faust.Topic[time.Time, string]
	//faust:topic places
	Places faust.Topic[Place, string]
	//faust:topic names
	Names faust.Topic[Name, string]
	//faust:topic blocks
	Blocks faust.Topic[[4]byte, string]
	//faust:topic bytes codec=raw
	Bytes faust.Topic[[]byte, []byte]
	//faust:topic texts codec=text
	Texts faust.Topic[string, string]
	//faust:topic copies codec=text
	Copies faust.Topic[string, string]
}

// Tables of one struct have one kind of key.
type (
	//faust:tables
	IntTables struct{ ByInt faust.Table[int64, string] }
	//faust:tables
	LongTables struct{ ByLong faust.Table[int64, string] }
	//faust:tables
	IntegerTables struct{ ByInteger faust.Table[int32, string] }
	//faust:tables
	BoolTables struct{ ByBool faust.Table[bool, string] }
	//faust:tables
	TimeTables struct {
		ByTime faust.Table[time.Time, string]
	}
	//faust:tables
	PlaceTables struct{ ByPlace faust.Table[Place, string] }
	//faust:tables
	NameTables struct{ ByName faust.Table[Name, string] }
	//faust:tables
	BlockTables struct{ ByBlock faust.Table[[4]byte, string] }
)

// Ints keeps the last value, as all of these do.
//
//faust:agent ints
func Ints(ctx context.Context, ev faust.Event[int64, string], t *IntTables) error {
	t.ByInt.Set(ev.Key, ev.Value)
	return nil
}

// Longs has keys as Java's Long serializer writes them.
//
//faust:agent longs
func Longs(ctx context.Context, ev faust.Event[int64, string], t *LongTables) error {
	t.ByLong.Set(ev.Key, ev.Value)
	return nil
}

// Integers has keys as Java's Integer serializer writes them.
//
//faust:agent integers
func Integers(ctx context.Context, ev faust.Event[int32, string], t *IntegerTables) error {
	t.ByInteger.Set(ev.Key, ev.Value)
	return nil
}

// Bools has two keys at most.
//
//faust:agent bools
func Bools(ctx context.Context, ev faust.Event[bool, string], t *BoolTables) error {
	t.ByBool.Set(ev.Key, ev.Value)
	return nil
}

// Times has keys that are one time in several zones, and keeps all values.
//
//faust:agent times
func Times(ctx context.Context, ev faust.Event[time.Time, string], t *TimeTables) error {
	t.ByTime.Update(ev.Key.In(time.FixedZone("elsewhere", 3600)), func(all *string) { *all += ev.Value })
	return nil
}

// Places has keys that are records.
//
//faust:agent places
func Places(ctx context.Context, ev faust.Event[Place, string], t *PlaceTables) error {
	t.ByPlace.Set(ev.Key, ev.Value)
	return nil
}

// Names has keys of a type of its own.
//
//faust:agent names
func Names(ctx context.Context, ev faust.Event[Name, string], t *NameTables) error {
	t.ByName.Set(ev.Key, ev.Value)
	return nil
}

// Blocks has keys of four bytes.
//
//faust:agent blocks
func Blocks(ctx context.Context, ev faust.Event[[4]byte, string], t *BlockTables) error {
	t.ByBlock.Set(ev.Key, ev.Value)
	return nil
}

// Texts copies what is no JSON.
//
//faust:agent texts sink=copies
func Texts(ctx context.Context, text string) (string, error) { return text, nil }

// Bytes copies bytes as text.
//
//faust:agent bytes
func Bytes(ctx context.Context, ev faust.Event[[]byte, []byte], out *Topics) error {
	return out.Copies.Send(ctx, string(ev.Key), string(ev.Value))
}
