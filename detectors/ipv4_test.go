package detectors

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestIPv4(t *testing.T) {
	detectortest.Run(t, ipv4{}, conformance("ipv4"))
}

func TestIPv4Floods(t *testing.T) { testFloods(t, ipv4{}, ipv4Floods) }

var ipv4Floods = []string{"1.1.1.", "1.", "1.1.1.1 v", "999.999.999.999 ", "1.2.3.4a", "1.2.3.4567 ", "v1.2.3.4 ", "1.1.1.1.1 ", "version 1.2.3.4 ", "Chrome/1.2.3.4 "}

func BenchmarkIPv4(b *testing.B) {
	b.Run("time", func(b *testing.B) {
		benchmarkMatch(b, ipv4{}, "2005-06-03-15.42.50.675872 R02", 12, redact.RejectRange)
	})
	b.Run("product", func(b *testing.B) {
		benchmarkMatch(b, ipv4{}, "Gecko) Chrome/30.0.0.0 Mobile", 15, redact.RejectNeighbor)
	})
	b.Run("accept", func(b *testing.B) {
		benchmarkMatch(b, ipv4{}, "from 10.251.43.191 port", 6, redact.Accepted)
	})
	benchmarkFloods(b, ipv4{}, ipv4Floods)
}

// candidatesOf returns the places where the anchor of a detector stands.
func candidatesOf(t testing.TB, d redact.Detector, text []byte) []int {
	t.Helper()
	lits, shape := map[int]bool{}, map[int]bool{}
	a := d.Spec().Anchor
	lower := bytes.ToLower(text)
	for _, l := range a.Literals {
		in, lit := text, []byte(l.Text)
		if l.Fold {
			in, lit = lower, bytes.ToLower(lit)
		}
		for at := 0; ; at++ {
			i := bytes.Index(in[at:], lit)
			if i < 0 {
				break
			}
			at += i
			lits[at] = true
		}
	}
	if a.Shape != "" {
		re := regexp.MustCompile(`\A(?:` + a.Shape + `)`)
		for at := range text {
			if text[at] < 0x80 && re.Match(text[at:min(len(text), at+60)]) {
				shape[at] = true
			}
		}
	}
	maps.Copy(lits, shape)
	return slices.Sorted(maps.Keys(lits))
}

// walk asks about candidates as the engine does, with skips, and returns how many were
// accepted.
func walk(d redact.Detector, text []byte, at []int) (accepted int) {
	skip := 0
	for _, i := range at {
		if i < skip {
			continue
		}
		s, r := d.Match(text, i)
		if r.OK() {
			accepted++
		}
		if s.End > i {
			skip = s.End
		}
	}
	return accepted
}

const floodSize = 256 << 10

// testFloods wants the work on a flood to be linear. A detector that reads to its bound
// at each candidate takes a hundred times as long as is allowed here.
func testFloods(t *testing.T, d redact.Detector, units []string) {
	for _, u := range units {
		text := bytes.Repeat([]byte(u), floodSize/len(u))
		at := candidatesOf(t, d, text)
		start := time.Now()
		for range 4 {
			walk(d, text, at)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("flood of %q: %v for %d bytes", u, took, 4*len(text))
		}
	}
}

func benchmarkFloods(b *testing.B, d redact.Detector, units []string) {
	for _, u := range units {
		b.Run("flood="+strings.ReplaceAll(u, " ", "_")[:min(len(u), 12)], func(b *testing.B) {
			text := bytes.Repeat([]byte(u), floodSize/len(u))
			at := candidatesOf(b, d, text)
			b.SetBytes(int64(len(text)))
			n := 0
			for b.Loop() {
				n = walk(d, text, at)
			}
			b.ReportMetric(float64(len(at)), "candidates")
			b.ReportMetric(float64(n), "accepted")
		})
	}
}

// fuzzContract holds a detector to its contract on any text, beginning with its
// conformance cases, and each value it accepts against an oracle.
func fuzzContract(f *testing.F, d redact.Detector, oracle func(value []byte) bool) {
	seed(f, d.Spec().Name)
	contract := detectortest.Contract(f, d)
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > fuzzMax {
			return
		}
		contract(t, text)
		for at := range text {
			if s, r := d.Match(text, at); r.OK() && !oracle(text[s.Start:s.End]) {
				t.Errorf("%q is accepted in %q", text[s.Start:s.End], text)
			}
		}
	})
}

func FuzzIPv4(f *testing.F) {
	fuzzContract(f, ipv4{}, func(v []byte) bool {
		v, _, _ = bytes.Cut(v, []byte("_"))
		octets := strings.Split(strings.TrimRightFunc(string(v), unicode.IsLetter), ".")
		for _, o := range octets {
			if n, err := strconv.Atoi(o); err != nil || len(o) > 3 || n > 255 {
				return bytes.ContainsFunc(v, unicode.IsLetter) // glued: 192.168.1.7abc5
			}
		}
		return len(octets) == 4
	})
}

// TestDottedQuad compares with numbers that are read one by one.
func TestDottedQuad(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	pieces := []string{".", ".", ".", "1", "25", "9", "255", "256", "0", "%", "x", "1.2.3.", "10.0.0.1"}
	quads := 0
	for range 300_000 {
		var text []byte
		for range 1 + rnd.IntN(9) {
			text = append(text, pieces[rnd.IntN(len(pieces))]...)
		}
		for at := range text {
			if !isDigit(text[at]) {
				continue
			}
			start := at
			for start > 0 && isDigit(text[start-1]) {
				start--
			}
			if start > 0 && text[start-1] == '%' && at-start >= 2 {
				start += 2 // the digits of an escape
			}
			n, end := octet(text, start)
			ok := n >= 0 && end == at+1
			for i := 0; i < 3 && ok; i++ {
				ok = end < len(text) && text[end] == '.'
				if ok {
					n, end = octet(text, end+1)
					ok = n >= 0
				}
			}
			s, r := dottedQuad(text, at)
			if r.OK() != ok || ok && s != (redact.Span{Start: start, End: end}) {
				t.Fatalf("%q at %d: %v, %v; read one by one %v, %d to %d", text, at, s, r, ok, start, end)
			}
			if ok {
				quads++
			}
		}
	}
	if quads == 0 {
		t.Error("no quads")
	}
}

// TestIPv4All wants every address to be found where it stands alone.
func TestIPv4All(t *testing.T) {
	var a [4]byte
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 1 << 17 {
		binary.BigEndian.PutUint32(a[:], rnd.Uint32()>>(i%8)) // more of the small ones
		want := netip.AddrFrom4(a).String()
		text := []byte("x " + want + " x")
		at := bytes.IndexByte(text, '.') - 1
		if s, r := (ipv4{}).Match(text, at); r != redact.Accepted || string(text[s.Start:s.End]) != want {
			t.Fatalf("%s: %v, %q", want, r, text[s.Start:s.End])
		}
	}
}
