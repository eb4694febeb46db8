package scan

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// benchShapes are of the kinds that detectors use.
var benchShapes = []string{
	`\b\d{4}(\d{8}|[ .-](\d{4}[ .-]\d{4}[ .-]\d{2}|\d{6}[ .-]\d{4}))`,
	`\b[A-Z]{2}\d{2}([0-9A-Z]{11}|[ -][0-9A-Z]{4}[ -][0-9A-Z]{4}[ -][0-9A-Z]{3})`,
	`\b\d{3}-\d{2}-\d{4}\b`,
	`\+\d|\b\d{3}[ .-]\d{4}`,
	`@`,
	`\d\.\d{1,3}\.\d{1,3}\.\d`,
	`(::|:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:)`,
	`([0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})`,
	`\w{20}`,
	`\b\d{3}[ .-]\d{3}[ .-]\d{4}\b`,
	`\b[A-Z]{3}\d{6}\b`,
	`\b\d{2}[.-]\d{2}[.-]\d{4}\b`,
	`\b\d{9}\b`,
	`\b[A-Z]{2}\d{6}[A-Z]\b`,
	`[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-`,
}

// cpuTime is the CPU time of this thread in nanoseconds. Machines are shared; wall time
// tells little.
func cpuTime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

// BenchmarkScan reports the CPU time per KB of real log text of each part of a scan: the
// lower quartile over rounds of what the part adds to those before it.
func BenchmarkScan(b *testing.B) {
	var text []byte
	for _, t := range realLogs(b) {
		if len(t) >= 32<<10 {
			text = append(text, t[len(t)/3:][:16<<10]...)
		}
	}
	for _, impl := range Implementations() {
		for _, n := range []int{10, 250, 500, 1000} {
			b.Run(fmt.Sprintf("%s/%d", impl, n), func(b *testing.B) {
				defer func(before string) { b.Log(Use(before)) }(Implementation())
				if err := Use(impl); err != nil {
					b.Fatal(err)
				}
				benchmarkScan(b, text, n)
			})
		}
	}
}

func benchmarkScan(b *testing.B, text []byte, n int) {
	tab, err := NewTables(benchShapes, realLiterals(b, n))
	if err != nil {
		b.Fatal(err)
	}
	s := NewScanner(tab)
	found := 0
	parts := []struct {
		name string
		f    func(off int)
	}{
		{"load", func(off int) { s.load(text, off) }},
		{"classes", func(int) { s.impl.classes(s) }},
		{"literals", func(int) { s.impl.literals(s) }},
		{"run", func(int) { s.impl.run(s) }},
		{"take", func(off int) {
			for i := range benchShapes {
				for _, c := range s.Candidates(i, off, off+Window-Margin) {
					found += int(c)
				}
			}
			for _, l := range s.Literals(off, off+Window-Margin) {
				found += l.ID
			}
		}},
	}
	runtime.LockOSThread()
	times := make([][]float64, len(parts))
	for b.Loop() {
		before := 0.0
		for k := range parts {
			t := cpuTime()
			for off := 0; off < len(text); off += Window - Margin {
				for _, p := range parts[:k+1] {
					p.f(off)
				}
			}
			total := float64(cpuTime()-t) / float64(len(text)) * 1024
			times[k] = append(times[k], total-before)
			before = total
		}
	}
	sum := 0.0
	for k, p := range parts {
		slices.Sort(times[k])
		x := times[k][len(times[k])/4]
		b.ReportMetric(x, p.name+"-ns/KB")
		sum += x
	}
	b.ReportMetric(sum, "ns/KB")
	b.ReportMetric(0, "ns/op")
}
