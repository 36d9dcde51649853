package fausttest

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kgo"
)

// decompressor reads batches as kgo's own does, except zstd: kgo closes its zstd decoders in finalizers, which run outside the bubble and
// may not touch the channels made in it.
type decompressor struct{ kgo.Decompressor }

func newDecompressor() decompressor { return decompressor{kgo.DefaultDecompressor()} }

// Decompress implements kgo.Decompressor. Several goroutines may call it. A decoder for each batch: these are tests.
func (d decompressor) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if codec != kgo.CodecZstd {
		return d.Decompressor.Decompress(src, codec)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("read a zstd batch: %w", err)
	}
	defer z.Close()
	return z.DecodeAll(src, nil)
}
