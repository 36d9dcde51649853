package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// Compression is record.Compression, named here because it is part of the batch format.
type Compression = record.Compression

const (
	// maxInflated is the most that one compressed batch may become, so that a few damaged bytes can't ask for all memory.
	maxInflated = 1 << 30
	slabSize    = 1 << 20

	// An LZ4 frame starts with its magic number, then flags (version 1, independent blocks), the block size (64 KiB) and a checksum
	// of these two, which is constant with them. Kafka's Java client takes independent blocks only.
	lz4Block = 64 << 10
	lz4Head  = "\x04\x22\x4d\x18\x60\x40\x82"
	lz4Plain = 1 << 31 // bit of a block's size: the block is stored as it is
)

// xerial is the framing that Java's snappy library puts around blocks: magic, version, oldest compatible version.
var xerial = []byte("\x82SNAPPY\x00")

var errInflated = errors.New("more than 1 GiB decompressed")

// inflater decompresses. It keeps its decompressors, which are big, and is used by one goroutine at a time.
type inflater struct {
	zstd *zstd.Decoder
	gzip *gzip.Reader
	src  bytes.Reader

	ratio int // of the last batch, rounded up
}

// into decompresses src into m's slabs, whose used parts stay where they are.
func (f *inflater) into(m *memory, kind Compression, src []byte) ([]byte, error) {
	// A guess that is too low costs a copy, so take what the last batch needed and some more; LZ4 wants room for a whole block.
	want := min(len(src)*(f.ratio+1), 4*len(src)+4<<20) + 4096
	if kind == record.LZ4 {
		want += lz4Block
	}
	for m.slab < len(m.slabs) && len(m.slabs[m.slab])-m.used < want {
		m.slab, m.used = m.slab+1, 0
	}
	if m.slab == len(m.slabs) {
		m.slabs = append(m.slabs, make([]byte, max(want, slabSize)))
	}
	room := m.slabs[m.slab][m.used:]
	out, err := f.appendTo(room[:0], kind, src)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	f.ratio = min(len(out)/(len(src)+1)+1, 1000)
	if &out[0] != &room[0] { // it grew out of the slab
		m.slabs = append(m.slabs, out[:cap(out)])
		m.slab, m.used = len(m.slabs)-1, 0
	}
	m.used += len(out)
	return out[:len(out):len(out)], nil
}

func (f *inflater) appendTo(dst []byte, kind Compression, src []byte) ([]byte, error) {
	switch kind {
	case record.Gzip:
		return f.gunzip(dst, src)
	case record.Snappy:
		return unsnappy(dst, src)
	case record.LZ4:
		return unlz4(dst, src)
	case record.Zstd:
		if f.zstd == nil {
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxInflated))
			if err != nil {
				return nil, err
			}
			f.zstd = z
		}
		return f.zstd.DecodeAll(src, dst)
	}
	return nil, fmt.Errorf("compression %d is not known", int8(kind))
}

func (f *inflater) gunzip(dst, src []byte) ([]byte, error) {
	f.src.Reset(src)
	if f.gzip == nil {
		f.gzip = new(gzip.Reader)
	}
	if err := f.gzip.Reset(&f.src); err != nil {
		return nil, err
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := f.gzip.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err == nil && len(dst) > maxInflated {
			err = errInflated
		}
		if err != nil {
			return nil, err
		}
	}
}

// grow makes room for n more bytes without changing the length.
func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	grown := make([]byte, len(dst), max(len(dst)+n, 2*cap(dst)))
	copy(grown, dst)
	return grown
}

func unsnappy(dst, src []byte) ([]byte, error) {
	if !bytes.HasPrefix(src, xerial) {
		return unsnappyBlock(dst, src)
	}
	if len(src) < 16 {
		return nil, io.ErrUnexpectedEOF
	}
	src = src[16:]
	for len(src) > 0 {
		if len(src) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n := int64(binary.BigEndian.Uint32(src))
		src = src[4:]
		if n > int64(len(src)) {
			return nil, io.ErrUnexpectedEOF
		}
		var err error
		if dst, err = unsnappyBlock(dst, src[:n]); err != nil {
			return nil, err
		}
		src = src[n:]
	}
	return dst, nil
}

func unsnappyBlock(dst, src []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	// The shortest element, three bytes, copies 64 at most: a longer claim is damage, and no memory is spent on it.
	if n > 32*len(src)+64 || n+len(dst) > maxInflated {
		return nil, errInflated
	}
	dst = grow(dst, n)
	if _, err := snappy.Decode(dst[len(dst):len(dst)+n], src); err != nil {
		return nil, err
	}
	return dst[:len(dst)+n], nil
}

// unlz4 reads LZ4 frames straight into dst, which is several times faster than through an io.Reader. Checksums inside of the frame are
// skipped: the batch has its own.
func unlz4(dst, src []byte) ([]byte, error) {
	r := reader{b: src}
	start := len(dst)
	for len(r.b) > 0 {
		head := r.take(6)
		if r.bad || binary.LittleEndian.Uint32(head) != 0x184d2204 {
			return nil, errors.New("no LZ4 frame")
		}
		flags, size := head[4], head[5]>>4&7
		if flags>>6 != 1 || size < 4 || flags&1 != 0 {
			return nil, errors.New("unknown kind of LZ4 frame")
		}
		if flags&0x08 != 0 {
			r.take(8) // content size
		}
		r.take(1) // header checksum
		var err error
		if dst, err = unlz4Blocks(dst, start, &r, flags, 1<<(8+2*int(size))); err != nil {
			return nil, err
		}
		if flags&0x04 != 0 {
			r.take(4) // content checksum
		}
		if r.bad {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return dst, nil
}

func unlz4Blocks(dst []byte, start int, r *reader, flags byte, blockMax int) ([]byte, error) {
	for {
		head := r.take(4)
		if r.bad {
			return nil, io.ErrUnexpectedEOF
		}
		size := binary.LittleEndian.Uint32(head)
		if size == 0 {
			return dst, nil
		}
		block := r.take(int(size &^ lz4Plain))
		if flags&0x10 != 0 {
			r.take(4) // block checksum
		}
		if r.bad || len(block) > blockMax {
			return nil, io.ErrUnexpectedEOF
		}
		if size&lz4Plain != 0 {
			dst = append(dst, block...)
			continue
		}
		// A byte of LZ4 is worth 255 at most.
		dst = grow(dst, min(blockMax, 255*len(block)+64))
		history := dst[max(start, len(dst)-64<<10):]
		if flags&0x20 != 0 {
			history = nil // independent blocks
		}
		room := dst[len(dst):min(cap(dst), len(dst)+blockMax)]
		n, err := lz4.UncompressBlockWithDict(block, room, history)
		if err != nil {
			return nil, err
		}
		if dst = dst[:len(dst)+n]; len(dst) > maxInflated {
			return nil, errInflated
		}
	}
}

// deflater compresses. It is used by one goroutine at a time.
type deflater struct {
	zstd *zstd.Encoder
	gzip *gzip.Writer
	lz4  lz4.Compressor
}

// appendTo appends src to dst, compressed.
func (f *deflater) appendTo(dst []byte, kind Compression, src []byte) ([]byte, error) {
	switch kind {
	case record.None:
		return append(dst, src...), nil
	case record.Gzip:
		w := bytes.NewBuffer(dst)
		if f.gzip == nil {
			f.gzip = gzip.NewWriter(nil)
		}
		f.gzip.Reset(w)
		if _, err := f.gzip.Write(src); err != nil {
			return nil, err
		}
		if err := f.gzip.Close(); err != nil {
			return nil, err
		}
		return w.Bytes(), nil
	case record.Snappy:
		dst = grow(dst, snappy.MaxEncodedLen(len(src)))
		return dst[:len(dst)+len(snappy.Encode(dst[len(dst):cap(dst)], src))], nil
	case record.LZ4:
		return f.appendLZ4(dst, src)
	case record.Zstd:
		if f.zstd == nil {
			z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
			if err != nil {
				return nil, err
			}
			f.zstd = z
		}
		return f.zstd.EncodeAll(src, dst), nil
	}
	return nil, fmt.Errorf("compression %d is not known", int8(kind))
}

func (f *deflater) appendLZ4(dst, src []byte) ([]byte, error) {
	dst = append(dst, lz4Head...)
	for len(src) > 0 {
		block := src[:min(len(src), lz4Block)]
		src = src[len(block):]
		dst = grow(dst, 4+lz4.CompressBlockBound(len(block)))
		at := len(dst)
		n, err := f.lz4.CompressBlock(block, dst[at+4:cap(dst)])
		if err != nil {
			return nil, err
		}
		size := uint32(n)
		if n == 0 || n >= len(block) {
			n, size = len(block), uint32(len(block))|lz4Plain
			copy(dst[at+4:cap(dst)], block)
		}
		dst = dst[:at+4+n]
		binary.LittleEndian.PutUint32(dst[at:], size)
	}
	return append(dst, 0, 0, 0, 0), nil
}
