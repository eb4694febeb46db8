package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// TestWriterKeepsChunksWhole delivers from many goroutines.
func TestWriterKeepsChunksWhole(t *testing.T) {
	var out bytes.Buffer
	d := NewWriter(&out)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			chunk := bytes.Repeat([]byte{byte(i)}, 1000)
			if err := d.Deliver(context.Background(), "t", chunk, 1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[byte]bool{}
	for b := out.Bytes(); len(b) > 0; b = b[1000:] {
		if seen[b[0]] || bytes.Count(b[:1000], b[:1]) != 1000 {
			t.Fatalf("chunk %d is torn or came twice", b[0])
		}
		seen[b[0]] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d chunks of 50", len(seen))
	}
}

func TestPermanent(t *testing.T) {
	err := errors.New("refused")
	if Permanent(err) || Permanent(nil) {
		t.Error("an error is permanent only when it says so")
	}
	if !Permanent(fmt.Errorf("deliver: %w", permanent{err})) {
		t.Error("a wrapped permanent error is not seen")
	}
}
