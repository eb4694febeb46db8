package deliver

import (
	"context"
	"os"
	"testing"
)

// BenchmarkLines writes recorded chunks as lines of JSON; the bytes are those of the chunk.
func BenchmarkLines(b *testing.B) {
	for _, name := range []string{"tail", "kubernetes", "opentelemetry"} {
		b.Run(name, func(b *testing.B) {
			chunk, err := os.ReadFile("../../../shared/corpora/fluentbit/" + name + ".msgpack")
			if err != nil {
				b.Skip("no recorded chunks here: ../shared is absent")
			}
			o := JSONOptions{TimeKey: "date", Metadata: true}
			b.SetBytes(int64(len(chunk)))
			for b.Loop() {
				if l := o.appendLines("t", chunk); l.left > 0 {
					b.Fatal("left out")
				}
			}
		})
	}
}

// BenchmarkForward delivers chunks of 1 MB to a server in the same process, and waits for
// each acknowledgement.
func BenchmarkForward(b *testing.B) {
	chunk := chunkOf(5000, "a line of a log that is about as long as lines of logs are in most of the world, and then a little longer than that to make it two hundred bytes or so for a good measure of the thing")
	s := newServer(b, "tcp", "127.0.0.1:0", nil, nil)
	f := client(b, ForwardOptions{Targets: []Target{s.target()}})
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		if err := f.Deliver(context.Background(), "t", chunk, 5000); err != nil {
			b.Fatal(err)
		}
		s.mu.Lock()
		s.got = s.got[:0]
		s.mu.Unlock()
	}
}
