package scan

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// guarded returns n bytes between two pages that nothing may touch: right before the second
// one, or right behind the first one.
func guarded(t testing.TB, n int, atEnd bool) []byte {
	t.Helper()
	page := os.Getpagesize()
	size := (n + page - 1) / page * page
	m, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(m); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{m[:page], m[page+size:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	from := page
	if atEnd {
		from += size - n
	}
	return m[from : from+n : from+n]
}

// Nothing outside of the text and the planes is touched, wherever windows end.
func TestGuardPages(t *testing.T) { eachImplementation(t, testGuardPages) }

func testGuardPages(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	lengths := []int{1, 2, 7, 8, 63, 64, 65, 511, 512, 513, 520, 521, Window - 1, Window, Window + 1, Window + slack, 2*Window + 77}
	for range 40 {
		lengths = append(lengths, 1+r.IntN(3*Window))
	}
	for _, atEnd := range []bool{false, true} {
		plain, s := newTestScanner(t), newTestScanner(t)
		s.planes = guarded(t, len(s.planes), atEnd)
		s.ops = bind(s.t.ops, s.planes)
		for _, n := range lengths {
			text := guarded(t, n, atEnd)
			copy(text, randomText(r, n))
			want := scanAll(plain, bytes.Clone(text), len(testShapes))
			if got := scanAll(s, text, len(testShapes)); !slices.Equal(got, want) {
				t.Fatalf("%d bytes beside a guard page: got %v, want %v", n, got, want)
			}
		}
	}
}

// Text in which every place is a candidate, or nearly, fills the lists that places are
// written to.
func TestCrowdedText(t *testing.T) { eachImplementation(t, testCrowdedText) }

func testCrowdedText(t *testing.T) {
	tab, err := NewTables([]string{`\w`, `@`, `\d\d`, `-|:`}, []Literal{{"aaa", false}, {"aaaa", true}, {"aAa", true}, {"AAAaa", true}, {":::", false}})
	if err != nil {
		t.Fatal(err)
	}
	s := NewScanner(tab)
	for _, unit := range []string{"a", "A", "@", "0", "-", ":", "aA"} {
		text := bytes.Repeat([]byte(unit), (2*Window+99)/len(unit))
		want := 0
		for i := range text {
			rest := text[i:]
			for _, p := range []func() bool{
				func() bool { return Word.Contains(rest[0]) },
				func() bool { return rest[0] == '@' },
				func() bool { return len(rest) > 1 && rest[0] == '0' },
				func() bool { return rest[0] == '-' || rest[0] == ':' },
				func() bool { return bytes.HasPrefix(rest, []byte("aaa")) },
				func() bool { return len(rest) > 3 && bytes.EqualFold(rest[:4], []byte("aaaa")) },
				func() bool { return len(rest) > 2 && bytes.EqualFold(rest[:3], []byte("aaa")) },
				func() bool { return len(rest) > 4 && bytes.EqualFold(rest[:5], []byte("aaaaa")) },
				func() bool { return bytes.HasPrefix(rest, []byte(":::")) },
			} {
				if p() {
					want++
				}
			}
		}
		if got := scanAll(s, text, 4); len(got) != want {
			t.Errorf("%q repeated: %d candidates, want %d", unit, len(got), want)
		}
	}
}
