package deliver

import (
	"errors"
	"fmt"
	"testing"
)

func TestPermanent(t *testing.T) {
	err := errors.New("refused")
	if Permanent(err) || Permanent(nil) {
		t.Error("an error is permanent only when it says so")
	}
	if !Permanent(fmt.Errorf("deliver: %w", permanent{err})) {
		t.Error("a wrapped permanent error is not seen")
	}
}
