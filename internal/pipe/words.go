package pipe

import (
	"context"
	"fmt"
	"io"

	"logveil/redact"
)

const (
	wordsBuffer = 256 << 10
	// wordLimit is the longest run of word characters that can hold a token, with
	// what may be glued to its front.
	wordLimit = 2 * redact.MaxToken
)

// Words copies src to dst and rewrites it on the way, in parts that end between words, so
// that a token is never cut. rewrite appends a part to dst. It stops at the first error
// of src, dst, ctx or rewrite; what was written up to then ends between words.
func Words(ctx context.Context, dst io.Writer, src io.Reader, rewrite func(dst, part []byte) ([]byte, error)) error {
	buf := make([]byte, 0, wordsBuffer)
	var out []byte
	for {
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("stopped: %w", context.Cause(ctx))
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("read: %w", err)
		}
		end, run := wordEnd(buf), 0
		if err == io.EOF {
			end = len(buf)
		} else if len(buf)-end > wordLimit {
			// A run too long for a token that ends in it: only its tail can begin one.
			run = len(buf) - redact.MaxToken - end
		}
		var failed error
		if out, failed = rewrite(out[:0], buf[:end]); failed != nil {
			clear(out)
			return failed
		}
		out = append(out, buf[end:end+run]...)
		if len(out) > 0 {
			if _, err := dst.Write(out); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		clear(out)
		if err == io.EOF {
			return nil
		}
		buf = buf[:copy(buf, buf[end+run:])]
		if ctx.Err() != nil {
			return fmt.Errorf("stopped: %w", context.Cause(ctx))
		}
	}
}

// wordEnd returns where the last word of b begins that may go on behind b.
func wordEnd(b []byte) int {
	i := len(b)
	for i > 0 && isWord(b[i-1]) {
		i--
	}
	return i
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}
