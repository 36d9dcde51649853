package record

import "encoding/binary"

// Murmur2 is the hash by which Java's client places a key, org.apache.kafka.common.utils.Utils.murmur2.
// Any other producer that uses Kafka's default partitioner therefore agrees with us on a key's partition.
func Murmur2(key []byte) uint32 {
	const m = 0x5bd1e995
	h := 0x9747b28c ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := binary.LittleEndian.Uint32(key) * m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(key[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}

// Partition is the partition of n that a key belongs to.
func Partition(key []byte, n int32) int32 {
	return int32((Murmur2(key) & 0x7fffffff) % uint32(n))
}
