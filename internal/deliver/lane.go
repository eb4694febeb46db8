package deliver

import "context"

// lane runs work one piece at a time. A piece that does not end, on a disk or a pipe that
// hangs, keeps its caller only until the caller's context is done, and then the lane: the
// next piece waits for it.
type lane chan struct{}

func newLane() lane { return make(lane, 1) }

// do runs f and returns its error, or the context's when f has not ended by then. In that
// case f goes on alone, and may still do its work.
func (l lane) do(ctx context.Context, f func() error) error {
	select {
	case l <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-l }()
		done <- f()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
