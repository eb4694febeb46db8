package pipe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// Input is a source of text: a file or standard input.
type Input struct {
	// Name is what people call it.
	Name string
	// Size is its length in bytes, or -1 when that is not known before its end.
	Size int64

	ctx     context.Context
	f       *os.File
	sniffed bool
	binary  atomic.Bool

	// A read that may wait for ever is done beside, into buf, so that a run can be
	// stopped in the meantime. reads has its answer.
	waits bool
	buf   []byte
	reads chan readResult
}

type readResult struct {
	n   int
	err error
}

// Open opens a file, or takes stdin when the name is "-". A directory is an error. A read
// that waits for data returns with the cause of ctx when ctx is done; the input can not
// be read any more then.
func Open(ctx context.Context, name string, stdin *os.File) (*Input, error) {
	if name == "-" {
		return newInput(ctx, "standard input", stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && fi.IsDir() {
		err = fmt.Errorf("%s is a directory", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return newInput(ctx, name, f), nil
}

func newInput(ctx context.Context, name string, f *os.File) *Input {
	in := &Input{Name: name, Size: -1, ctx: ctx, f: f, waits: true, reads: make(chan readResult, 1)}
	if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() {
		in.Size, in.waits = fi.Size(), false
	}
	enlarge(f)
	return in
}

// Check reports whether a file can be opened as an [Input], without keeping it open.
func Check(name string) error {
	fi, err := os.Stat(name)
	switch {
	case err != nil:
		return rename(err, name)
	case fi.IsDir():
		return fmt.Errorf("%s is a directory", name)
	case !fi.Mode().IsRegular():
		// Opening a named pipe twice would steal what its writer wrote.
		return nil
	}
	in, err := Open(context.Background(), name, nil)
	if err != nil {
		return err
	}
	return in.Close()
}

// Close closes a file; standard input stays open.
func (in *Input) Close() error {
	if in.f == os.Stdin {
		return nil
	}
	return in.f.Close()
}

// Binary reports whether what was read so far began like something else than text.
func (in *Input) Binary() bool { return in.binary.Load() }

// A FormatError says that an input is in a form in which nothing can be found.
type FormatError struct {
	Name, Form, Remedy string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s is %s: nothing can be found in it as it is; %s", e.Name, e.Form, e.Remedy)
}

// Read reads from the input. An input that begins like a compressed file or like UTF-16
// gives a [*FormatError] before its first byte, because values in it would pass unseen.
func (in *Input) Read(p []byte) (int, error) {
	n, err := in.read(p)
	return in.seen(p, n, err)
}

// Blocking returns a reader of the same input whose reads wait for data as long as it takes,
// without the copy that it takes to leave one. It is for callers that leave a read behind
// themselves when their context is done, as redact.Engine.Copy does; it takes the place of
// Read, and is not safe for concurrent use.
func (in *Input) Blocking() io.Reader { return blocking{in} }

type blocking struct{ in *Input }

func (b blocking) Read(p []byte) (int, error) {
	n, err := b.in.f.Read(p)
	return b.in.seen(p, n, err)
}

// seen is what Read returns after p[:n] and err have been read.
func (in *Input) seen(p []byte, n int, err error) (int, error) {
	if err != nil && !errors.Is(err, io.EOF) {
		err = rename(err, in.Name)
	}
	if in.sniffed || n == 0 {
		return n, err
	}
	in.sniffed = true
	head := p[:min(n, sniffLen)]
	if form, remedy := unreadable(head); form != "" {
		clear(p[:n])
		return 0, &FormatError{in.Name, form, remedy}
	}
	in.binary.Store(bytes.IndexByte(head, 0) >= 0)
	return n, err
}

func (in *Input) read(p []byte) (int, error) {
	if !in.waits {
		return in.f.Read(p)
	}
	if in.buf == nil {
		in.buf = make([]byte, readSize)
	}
	b := in.buf[:min(len(p), len(in.buf))]
	go func() {
		n, err := in.f.Read(b)
		in.reads <- readResult{n, err}
	}()
	select {
	case r := <-in.reads:
		return copy(p, b[:r.n]), r.err
	case <-in.ctx.Done():
		return 0, context.Cause(in.ctx)
	}
}

// readSize is the most that is read at a time from what may wait, in bytes. A pipe holds
// 64 KiB unless its owner asked for more.
const readSize = 256 << 10

var _ io.ReadCloser = (*Input)(nil)

// sniffLen is how much of an input is looked at, in bytes.
const sniffLen = 4 << 10

// The magic numbers are those of RFC 1952 (gzip), RFC 8878 (zstd), the xz file format
// 1.2, bzip2, the LZ4 frame format 1.6 and the ZIP application note 6.3.
var forms = []struct{ magic, form, remedy string }{
	{"\x1f\x8b", "compressed with gzip", "give it decompressed (zcat)"},
	{"\x28\xb5\x2f\xfd", "compressed with zstd", "give it decompressed (zstdcat)"},
	{"\xfd7zXZ\x00", "compressed with xz", "give it decompressed (xzcat)"},
	{"BZh", "compressed with bzip2", "give it decompressed (bzcat)"},
	{"\x04\x22\x4d\x18", "compressed with lz4", "give it decompressed (lz4cat)"},
	{"PK\x03\x04", "a zip archive", "give what is in it (unzip -p)"},
	{"\xff\xfe", "UTF-16", "give it as UTF-8 (iconv -f UTF-16 -t UTF-8)"},
	{"\xfe\xff", "UTF-16", "give it as UTF-8 (iconv -f UTF-16 -t UTF-8)"},
}

// unreadable names the form of a text that hides its values, and what to do about it.
func unreadable(head []byte) (form, remedy string) {
	for _, f := range forms {
		if bytes.HasPrefix(head, []byte(f.magic)) && (f.magic != "BZh" || bzip2Level(head)) {
			return f.form, f.remedy
		}
	}
	if order := utf16WithoutMark(head); order != "" {
		return "UTF-16", "give it as UTF-8 (iconv -f UTF-16" + order + " -t UTF-8)"
	}
	return "", ""
}

// bzip2Level tells a bzip2 file, "BZh" and a digit, then pi or its square root, from a
// line that begins with these letters.
func bzip2Level(head []byte) bool {
	return len(head) >= 10 && (string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

// utf16WithoutMark returns the order of bytes, BE or LE, of UTF-16 of mostly ASCII text, in
// which nearly every second byte is NUL; empty for other text.
func utf16WithoutMark(head []byte) string {
	var nul [2]int
	for i, c := range head {
		if c == 0 {
			nul[i&1]++
		}
	}
	half := len(head) / 2
	switch {
	case half < 8:
	case nul[0]*10 >= half*9 && nul[1]*10 <= half:
		return "BE"
	case nul[1]*10 >= half*9 && nul[0]*10 <= half:
		return "LE"
	}
	return ""
}
