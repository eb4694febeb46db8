package vault

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"logveil/redact"
)

var throughput = flag.Duration("vault.throughput", 0, "how long each part of TestTransitThroughput runs; 0 leaves only a glance that asserts nothing")

// bareBatches measures what the same Vault gives a client that does nothing but send
// batches: values a second.
func bareBatches(t *testing.T, c *Client, size, inFlight int, d time.Duration) float64 {
	t.Helper()
	k := c.conn.Load()
	hc := k.api.CloneConfig().HttpClient
	label := base64.StdEncoding.EncodeToString(remoteLabel("", "email"))
	var n, next atomic.Uint64
	var wg sync.WaitGroup
	start := time.Now()
	for range inFlight {
		wg.Go(func() {
			for time.Since(start) < d {
				var body bytes.Buffer
				body.WriteString(`{"batch_input":[`)
				for i := range size {
					if i > 0 {
						body.WriteByte(',')
					}
					plain := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "bare%010d@example.com", next.Add(1)))
					fmt.Fprintf(&body, `{"plaintext":"%s","context":"%s","key_version":1}`, plain, label)
				}
				body.WriteString("]}")
				req, err := http.NewRequest(http.MethodPut, k.api.Address()+"/v1/transit/encrypt/logveil-transit", &body)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("X-Vault-Token", k.api.Token())
				resp, err := hc.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				var answer struct {
					Data struct {
						Results []struct {
							Ciphertext string `json:"ciphertext"`
						} `json:"batch_results"`
					} `json:"data"`
				}
				err = json.NewDecoder(resp.Body).Decode(&answer)
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || len(answer.Data.Results) != size {
					t.Error(err, len(answer.Data.Results))
					return
				}
				n.Add(uint64(size))
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

// throughTokenizer measures new values a second through a Tokenizer.
func throughTokenizer(t *testing.T, tk *Tokenizer, workers, batch int, d time.Duration) float64 {
	t.Helper()
	var n, next atomic.Uint64
	var wg sync.WaitGroup
	start := time.Now()
	for range workers {
		wg.Go(func() {
			vs := make([]redact.Value, batch)
			var buf []byte
			for time.Since(start) < d {
				for i := range vs {
					vs[i] = redact.Value{Kind: "email", Raw: fmt.Appendf(vs[i].Raw[:0], "user%010d@example.com", next.Add(1))}
				}
				buf = tk.Tokenize(context.Background(), vs, buf[:0])
				for i := range vs {
					if len(vs[i].Token) > 0 {
						n.Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

// The scheme transit reaches at least 80 % of what the same Vault, with TLS and audit,
// gives a bare client with batches of the same size. The parts take turns, so that other
// work on the machine meets both.
func TestTransitThroughput(t *testing.T) {
	w := newWorld(t)
	c := newClient(t, w.config())
	r := newTransit(t, c, RemoteConfig{Budget: 10 * time.Second})
	tk := newTokenizer(t, Options{Default: Rule{Scheme: r}})
	d, turns := *throughput, 4
	if d == 0 {
		d, turns = 100*time.Millisecond, 1
	}
	var bare, ours float64
	for range turns {
		bare += bareBatches(t, c, r.cfg.Batch, r.cfg.InFlight, d) / float64(turns)
		ours += throughTokenizer(t, tk, 4, 400, d) / float64(turns)
	}
	st := r.Stats()
	t.Logf("bare client %.0f values/s, through the tokenizer %.0f: %.2f; %d requests, masked %v", bare, ours, ours/bare, st.Requests, st.Masked)
	if *throughput > 0 && ours < 0.8*bare {
		t.Errorf("%.2f of a bare client, want 0.8", ours/bare)
	}
}

// The scheme envelope with keys from a real Vault; Vault is not asked while it runs.
func BenchmarkEnvelope(b *testing.B) {
	w := newWorld(b)
	c := newClient(b, w.config())
	e := newEnvelope(b, c, EnvelopeConfig{Kinds: []redact.Kind{"email", "card"}})
	o := Options{Default: Rule{Scheme: e}, CacheBytes: 1 << 20}
	b.Run("new/email", func(b *testing.B) { benchmarkTokenize(b, o, "email", benchmarkValues(700_000, "user%06d@Example.com")) })
	b.Run("new/card", func(b *testing.B) { benchmarkTokenize(b, o, "card", benchmarkValues(700_000, "4111-1111-11%06d1")) })
	b.Run("cached/email", func(b *testing.B) { benchmarkTokenize(b, o, "email", benchmarkValues(1000, "user%06d@example.com")) })
}
