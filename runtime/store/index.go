package store

import (
	"bytes"
	"slices"
	"sort"
	"strings"
)

// chunkMax is how many entries one chunk of the index holds; a full one is split in two.
const chunkMax = 256

// index keeps entries in ascending order of their keys, in chunks, so that an insertion moves a chunk's entries and
// not all. It is not safe for concurrent use by itself; a snapshot is, as long as its entries are not written.
type index struct {
	chunks []*chunk
	// epoch counts snapshots. A chunk of an older epoch may be part of one and is copied before it is written,
	// unless the caller knows that no snapshot is in use any more.
	epoch int
	// shared says that a snapshot holds the slice chunks.
	shared bool
}

type chunk struct {
	entries []*entry // ascending, never empty while in an index
	epoch   int
}

// snapshot returns the index as it is now; later updates do not change it.
func (x *index) snapshot() index {
	x.epoch++
	x.shared = true
	return index{chunks: x.chunks}
}

// update takes out removed and puts in those of added that are not dead. scanning says whether snapshots are in use.
// A key that was removed and added again must be given in both.
func (x *index) update(added, removed []*entry, scanning bool) {
	if scanning && x.shared {
		x.chunks = slices.Clone(x.chunks)
	}
	x.shared = false
	for _, e := range removed {
		x.remove(e, scanning)
	}
	added = slices.DeleteFunc(added, func(e *entry) bool { return e.dead })
	slices.SortFunc(added, func(a, b *entry) int { return strings.Compare(a.key, b.key) })
	if len(x.chunks) == 0 {
		x.fill(added)
		return
	}
	for _, e := range added {
		x.insert(e, scanning)
	}
}

// fill builds an empty index from sorted entries.
func (x *index) fill(sorted []*entry) {
	for len(sorted) > 0 {
		n := min(len(sorted), chunkMax*3/4)
		for _, e := range sorted[:n] {
			e.indexed = true
		}
		x.chunks = append(x.chunks, &chunk{entries: append(make([]*entry, 0, chunkMax), sorted[:n]...), epoch: x.epoch})
		sorted = sorted[n:]
	}
}

// find returns the last chunk that begins at or below key, or 0.
func (x *index) find(key string) int {
	i := sort.Search(len(x.chunks), func(i int) bool { return x.chunks[i].entries[0].key > key })
	return max(i-1, 0)
}

// place returns where key is, or would be, in the chunk.
func (c *chunk) place(key string) int {
	return sort.Search(len(c.entries), func(i int) bool { return c.entries[i].key >= key })
}

// writable returns chunk i, copied first if a snapshot may hold it.
func (x *index) writable(i int, scanning bool) *chunk {
	c := x.chunks[i]
	if scanning && c.epoch < x.epoch {
		c = &chunk{entries: append(make([]*entry, 0, chunkMax), c.entries...), epoch: x.epoch}
		x.chunks[i] = c
	}
	return c
}

func (x *index) insert(e *entry, scanning bool) {
	e.indexed = true
	if len(x.chunks) == 0 {
		x.fill([]*entry{e})
		return
	}
	i := x.find(e.key)
	c := x.writable(i, scanning)
	if len(c.entries) == chunkMax {
		half := chunkMax / 2
		if i == len(x.chunks)-1 && e.key > c.entries[chunkMax-1].key {
			half = chunkMax * 7 / 8 // keys that only grow should leave full chunks behind
		}
		upper := &chunk{entries: append(make([]*entry, 0, chunkMax), c.entries[half:]...), epoch: x.epoch}
		clear(c.entries[half:])
		c.entries = c.entries[:half]
		x.chunks = slices.Insert(x.chunks, i+1, upper)
		if e.key >= upper.entries[0].key {
			c = upper
		}
	}
	c.entries = slices.Insert(c.entries, c.place(e.key), e)
}

func (x *index) remove(e *entry, scanning bool) {
	i := x.find(e.key)
	c := x.writable(i, scanning)
	at := c.place(e.key)
	c.entries = slices.Delete(c.entries, at, at+1)
	if len(c.entries) == 0 {
		x.chunks = slices.Delete(x.chunks, i, i+1)
		return
	}
	// Without this, deleting most keys of a large table would leave as many chunks as before, each with a key or two.
	if i+1 < len(x.chunks) && len(c.entries)+len(x.chunks[i+1].entries) <= chunkMax/2 {
		c.entries = append(c.entries, x.chunks[i+1].entries...)
		x.chunks = slices.Delete(x.chunks, i+1, i+2)
	}
}

// ascend is Store.Scan on a snapshot.
func (x *index) ascend(prefix, from []byte, f func(key, value []byte) bool) {
	if len(x.chunks) == 0 {
		return
	}
	start := string(prefix)
	if bytes.Compare(from, prefix) > 0 {
		start = string(from)
	}
	i := x.find(start)
	at := x.chunks[i].place(start)
	end := string(prefix)
	var key []byte // a copy, so that a caller who writes to its view cannot damage the map's keys
	for ; i < len(x.chunks); i, at = i+1, 0 {
		for _, e := range x.chunks[i].entries[at:] {
			if !strings.HasPrefix(e.key, end) {
				return
			}
			key = append(key[:0], e.key...)
			if !f(key, e.value[:len(e.value):len(e.value)]) {
				return
			}
		}
	}
}
