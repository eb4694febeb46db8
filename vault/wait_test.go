package vault

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"logveil/redact"
)

// The wait for Vault ends with the budget, with the caller's deadline, or with the last
// answer, whichever is first, and on time. What came by then has its token.
func TestBudget(t *testing.T) {
	const budget, answered = 250 * time.Millisecond, 100 * time.Millisecond
	for _, c := range []struct {
		name           string
		deadline, want time.Duration
		answers        int
	}{
		{"nobody answers", time.Hour, budget, 0},
		{"one of two answers", time.Hour, budget, 1},
		{"all answer", time.Hour, answered, 2},
		{"the caller gives up", 70 * time.Millisecond, 70 * time.Millisecond, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &Remote{cfg: RemoteConfig{Budget: budget}}
				w := newWaits()
				vs := make([]redact.Value, 2)
				for i := range vs {
					p := &pending{done: make(chan struct{})}
					w.list = append(w.list, waited{p, r, i})
					if i < c.answers {
						go func() {
							time.Sleep(answered)
							p.token = []byte("token")
							close(p.done)
						}()
					}
				}
				w.budget = budget
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				start := time.Now()
				w.answer(ctx, vs, nil)
				if took := time.Since(start); took != c.want {
					t.Errorf("waited %v, want %v", took, c.want)
				}
				for i := range vs {
					if (string(vs[i].Token) == "token") != (i < c.answers) {
						t.Errorf("value %d: %q", i, vs[i].Token)
					}
				}
				if n := int(r.metrics.masked[MaskTimeout].Load()); n != len(vs)-c.answers {
					t.Errorf("%d masks by the budget", n)
				}
				synctest.Wait()
			})
		})
	}
}
