// Package deliver takes redacted chunks of a log shipper's records to where they are
// kept. It sees no raw record: who calls it has redacted before.
package deliver

import (
	"context"
	"errors"
)

// Deliverer takes chunks to one destination. It is safe for concurrent use.
type Deliverer interface {
	// Deliver returns nil when the destination has the chunk, and an error when it has
	// not, or may not have: the caller then comes again with the same chunk, unless the
	// error is permanent. It returns soon after ctx is done. The chunk is msgpack, events
	// one behind the other as Fluent Bit stores them, and must not be kept; records is
	// how many events it has. Errors hold nothing of the chunk.
	Deliver(ctx context.Context, tag string, chunk []byte, records int) error
	// Close waits for deliveries on their way, at most until ctx is done, and gives back
	// what is held. Nothing can be delivered after it.
	Close(ctx context.Context) error
}

// Permanent reports whether an error of Deliver says that the same chunk can never be
// taken, so that to come again would be in vain.
func Permanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Null takes everything and keeps nothing.
type Null struct{}

// Deliver implements Deliverer.
func (Null) Deliver(context.Context, string, []byte, int) error { return nil }

// Close implements Deliverer.
func (Null) Close(context.Context) error { return nil }
