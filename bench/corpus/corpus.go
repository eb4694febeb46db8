// Package corpus makes the benchmark's inputs: log lines of many systems, the same with planted values, JSON
// records, very long lines, and floods of text that is hostile to scanners.
//
// Everything is a function of a seed, and of the real logs where a folder with them is given, so that two
// machines with the same inputs measure the same bytes. All values are synthetic: documentation domains,
// reserved telephone ranges, random keys.
package corpus

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// The files that Make writes. A planted value's file is the prefix of its kind in planted.tsv, see Make.
const (
	Clean     = "clean.log"   // lines with no planted value
	Sparse    = "sparse.log"  // one line in 100 with one
	Dirty     = "dirty.log"   // three lines in 100 with one
	Dense     = "dense.log"   // every line with one
	CleanJSON = "clean.jsonl" // nested records around the clean lines, with JSON escaped in a string
	DirtyJSON = "dirty.jsonl" // the same around the dirty lines, and values in the escaped JSON
	Long      = "long.log"    // lines of 64 KiB to 1 MiB, a value in every 64 KiB
	Planted   = "planted.tsv" // the values
	scriptRel = "eval/makecorpus.py"
	logsRel   = "corpora/logs"

	longLeast, longMost = 64 << 10, 1 << 20
)

// Options say what Make makes.
type Options struct {
	Dir   string // folder for the files; made when absent
	Bytes int    // size that each file reaches, at least
	Seed  uint64
	// Reference is a folder with eval/makecorpus.py and corpora/logs. When it has both, and python3 is on
	// the PATH, clean, dirty and their JSON come from that script; otherwise everything is generated. ""
	// generates.
	Reference string
}

// A File is one file that Make wrote.
type File struct {
	Name    string `json:"name"`
	Bytes   int    `json:"bytes"`
	Lines   int    `json:"lines"`
	Planted int    `json:"planted"`
	SHA256  string `json:"sha256"`
}

// A Manifest lists what Make wrote. Source is "reference" or "generated".
type Manifest struct {
	Source string `json:"source"`
	Seed   uint64 `json:"seed"`
	Files  []File `json:"files"`
}

// Make writes every file. planted.tsv has a line for each planted value: its kind, a tab, the value. A bare
// kind is planted in dirty.log (and so in dirty.jsonl); "json email" in dirty.jsonl only, "sparse email" in
// sparse.log, "dense email" in dense.log, "long email" in long.log.
func Make(ctx context.Context, o Options) (Manifest, error) {
	if o.Bytes < 1 {
		return Manifest{}, errors.New("corpus: the size must be positive")
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return Manifest{}, err
	}
	m := &maker{o: o, man: Manifest{Source: "generated", Seed: o.Seed}}
	reference, err := m.reference(ctx)
	if err != nil {
		return Manifest{}, err
	}
	if reference {
		m.man.Source = "reference"
	} else {
		m.writeLines(Clean, "", 0)
		m.writeLines(Dirty, "", 0.03)
		m.writeJSON(CleanJSON, Clean, 0)
		m.writeJSON(DirtyJSON, Dirty, 0.03)
	}
	m.writeLines(Sparse, "sparse ", 0.01)
	m.writeLines(Dense, "dense ", 1)
	m.writeLong()
	m.writePlanted()
	for i := range m.man.Files {
		m.describe(&m.man.Files[i])
	}
	return m.man, m.err
}

// maker carries the first error through the steps of Make.
type maker struct {
	o       Options
	man     Manifest
	planted bytes.Buffer
	err     error
}

// random returns the source of randomness of one file, so that files do not depend on each other's order.
func (m *maker) random(name string) *rand.Rand {
	var sum uint64
	for _, c := range []byte(name) {
		sum = sum*131 + uint64(c)
	}
	return rand.New(rand.NewPCG(m.o.Seed, sum))
}

// reference runs the reference script when it, its logs and python3 are there.
func (m *maker) reference(ctx context.Context) (bool, error) {
	if m.o.Reference == "" {
		return false, nil
	}
	script, logs := filepath.Join(m.o.Reference, scriptRel), filepath.Join(m.o.Reference, logsRel)
	real, err := filepath.Glob(filepath.Join(logs, "loghub_*.log"))
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(script); err != nil || len(real) == 0 {
		return false, nil
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return false, nil
	}
	cmd := exec.CommandContext(ctx, python, script, "--logs", logs, "--out", m.o.Dir,
		"--mb", strconv.Itoa((m.o.Bytes+1<<20-1)>>20), "--seed", strconv.FormatUint(m.o.Seed, 10))
	if out, err := cmd.CombinedOutput(); err != nil {
		return false, fmt.Errorf("corpus: %s: %w: %s", scriptRel, err, bytes.TrimSpace(out))
	}
	plantedLines, err := os.ReadFile(filepath.Join(m.o.Dir, Planted))
	if err != nil {
		return false, err
	}
	m.planted.Write(plantedLines)
	inLines, inJSON := 0, 0
	for line := range bytes.Lines(plantedLines) {
		if bytes.HasPrefix(line, []byte("json ")) {
			inJSON++
		} else {
			inLines++
		}
	}
	// The script's dirty.jsonl may end before its dirty lines do; only what it plants itself is certain.
	m.man.Files = []File{{Name: Clean}, {Name: Dirty, Planted: inLines}, {Name: CleanJSON}, {Name: DirtyJSON, Planted: inJSON}}
	return true, nil
}

// lines returns a source of log lines without line ends: those of clean.log when the reference made it,
// generated ones otherwise.
func (m *maker) lines(r *rand.Rand) func() []byte {
	if m.man.Source != "reference" {
		l := newLogs(r)
		return l.line
	}
	if m.err != nil {
		return func() []byte { return []byte("unread") }
	}
	data, err := os.ReadFile(filepath.Join(m.o.Dir, Clean))
	if err != nil {
		m.err = err
		return func() []byte { return []byte("unread") }
	}
	rest := data
	return func() []byte {
		if len(rest) == 0 {
			rest = data
		}
		line, after, _ := bytes.Cut(rest, []byte{'\n'})
		rest = after
		return line
	}
}

func (m *maker) create(name string, fill func(w *bufio.Writer)) {
	if m.err != nil {
		return
	}
	f, err := os.Create(filepath.Join(m.o.Dir, name))
	if err != nil {
		m.err = err
		return
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fill(w)
	m.err = errors.Join(m.err, w.Flush(), f.Close())
}

// writeLines writes lines, the given share of them with one planted value.
func (m *maker) writeLines(name, prefix string, share float64) {
	file := File{Name: name}
	m.create(name, func(w *bufio.Writer) {
		r := m.random(name)
		next := m.lines(m.random(Clean)) // the same lines in every file
		for n := 0; n < m.o.Bytes; {
			line := next()
			if share > 0 && r.Float64() < share {
				v := plant(r)
				m.note(prefix, v)
				file.Planted++
				line = v.into(r, line)
			}
			w.Write(line)
			w.WriteByte('\n')
			n += len(line) + 1
		}
	})
	m.man.Files = append(m.man.Files, file)
}

// writeJSON writes records around the lines of a file made before.
func (m *maker) writeJSON(name, of string, share float64) {
	file := File{Name: name}
	m.create(name, func(w *bufio.Writer) {
		f, err := os.Open(filepath.Join(m.o.Dir, of))
		if err != nil {
			m.err = err
			return
		}
		defer f.Close()
		r := m.random(name)
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		for n := 0; n < m.o.Bytes && s.Scan(); {
			note := ""
			if share > 0 && r.Float64() < share {
				v := plant(r)
				m.note("json ", v)
				file.Planted++
				note = v.text()
			}
			rec := record(r, s.Text(), note)
			w.Write(rec)
			n += len(rec)
		}
		m.err = errors.Join(m.err, s.Err())
	})
	m.man.Files = append(m.man.Files, file)
}

// writeLong writes lines of 64 KiB to 1 MiB: log lines and JSON records joined by blanks.
func (m *maker) writeLong() {
	file := File{Name: Long}
	m.create(Long, func(w *bufio.Writer) {
		r := m.random(Long)
		next := m.lines(m.random(Clean))
		for n := 0; n < m.o.Bytes; {
			want := longLeast + r.IntN(longMost-longLeast)
			json, planted, length := r.IntN(2) == 0, -1, 0
			for length < want {
				piece := next()
				if at := length / longLeast; at != planted {
					v := plant(r)
					m.note("long ", v)
					file.Planted++
					planted, piece = at, v.into(r, piece)
				}
				if json {
					piece = bytes.TrimSuffix(record(r, string(piece), ""), []byte{'\n'})
				}
				if length > 0 {
					w.WriteByte(' ')
					length++
				}
				w.Write(piece)
				length += len(piece)
			}
			w.WriteByte('\n')
			n += length + 1
		}
	})
	m.man.Files = append(m.man.Files, file)
}

func (m *maker) note(prefix string, v value) {
	fmt.Fprintf(&m.planted, "%s%s\t%s\n", prefix, v.kind, v.secret)
}

func (m *maker) writePlanted() {
	m.create(Planted, func(w *bufio.Writer) { w.Write(m.planted.Bytes()) })
	m.man.Files = append(m.man.Files, File{Name: Planted})
}

func (m *maker) describe(f *File) {
	if m.err != nil {
		return
	}
	in, err := os.Open(filepath.Join(m.o.Dir, f.Name))
	if err != nil {
		m.err = err
		return
	}
	defer in.Close()
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		n, err := in.Read(buf)
		f.Bytes += n
		f.Lines += bytes.Count(buf[:n], []byte{'\n'})
		h.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			m.err = err
			return
		}
	}
	f.SHA256 = hex.EncodeToString(h.Sum(nil))
}
