package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// FileOptions say how chunks go to a file, as lines of JSON.
type FileOptions struct {
	Path string
	// Mode is for a file that is made, less the umask.
	Mode fs.FileMode
	// Sync makes each delivery wait until the disk has it. Without it a delivered chunk
	// outlives the process, but not the machine.
	Sync bool
	// Timeout bounds one delivery. The context's deadline holds when it is earlier.
	Timeout time.Duration
	JSON    JSONOptions
}

// File appends to a file. What programs for rotation do is noticed before each delivery:
// when the path names another file or none, that one is opened or made.
//
// A chunk is written whole or not at all: when the disk is full in the middle of it, the
// file is cut back to where the chunk began. Other instances that append to the same file
// wait for each other; programs that write to it in other ways are not expected.
type File struct {
	o    FileOptions
	lane lane
	// The rest belongs to who holds the lane.
	f      *os.File
	closed bool
	// torn is where a chunk began that could neither be written whole nor cut off, or -1;
	// tornEnd is where the file ended then.
	torn, tornEnd int64
}

// NewFile opens the file, so that what is wrong with it shows at the start.
func NewFile(o FileOptions) (*File, error) {
	if o.Timeout <= 0 {
		return nil, errors.New("a delivery without a timeout")
	}
	d := &File{o: o, lane: newLane(), torn: -1}
	if err := d.open(); err != nil {
		return nil, err
	}
	return d, nil
}

// Deliver implements Deliverer.
func (d *File) Deliver(ctx context.Context, tag string, chunk []byte, _ int) error {
	l := d.o.JSON.appendLines(tag, chunk)
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	return d.lane.do(ctx, func() error {
		if d.closed {
			return errClosed
		}
		if err := d.write(l.text); err != nil {
			return err
		}
		return leftOut(l.left)
	})
}

// Close implements Deliverer.
func (d *File) Close(ctx context.Context) error {
	return d.lane.do(ctx, func() error {
		if d.closed {
			return nil
		}
		d.closed = true
		if d.f == nil {
			return nil
		}
		return d.f.Close()
	})
}

// open opens the file that has the path now.
func (d *File) open() error {
	f, err := os.OpenFile(d.o.Path, os.O_RDWR|os.O_APPEND|os.O_CREATE, d.o.Mode)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", d.o.Path)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	d.f, d.torn = f, -1
	return nil
}

// current makes sure that the file that is open is the one that has the path.
func (d *File) current() error {
	if d.f != nil {
		have, err := d.f.Stat()
		if err != nil {
			return err
		}
		if want, err := os.Stat(d.o.Path); err == nil && os.SameFile(have, want) {
			return nil
		}
		// What was torn there was moved away with its file: that is cut as far as can be.
		if d.torn >= 0 && have.Size() == d.tornEnd {
			_ = d.f.Truncate(d.torn)
		}
		err = d.f.Close()
		d.f = nil
		if err != nil {
			return err
		}
	}
	return d.open()
}

// write appends the text, or leaves the file as it was.
func (d *File) write(text []byte) error {
	if err := d.current(); err != nil {
		return err
	}
	if err := lockFile(d.f); err != nil {
		return err
	}
	defer unlockFile(d.f)
	end, err := d.f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	// What another instance has appended behind it since must not go with it.
	if d.torn >= 0 && d.tornEnd == end {
		if err := d.f.Truncate(d.torn); err != nil {
			return fmt.Errorf("cutting off half a chunk: %w", err)
		}
		end = d.torn
	}
	d.torn = -1
	// A program that ended in the middle of a line left it without an end.
	text, err = afterLine(d.f, end, text)
	if err != nil {
		return err
	}
	_, err = d.f.Write(text)
	if err == nil && d.o.Sync {
		err = d.f.Sync()
	}
	if err != nil {
		if cut := d.f.Truncate(end); cut != nil {
			d.torn = end
			d.tornEnd, _ = d.f.Seek(0, io.SeekEnd) // one that is wrong cuts nothing
		}
		return err
	}
	return nil
}

// afterLine puts a line feed before the text when the file does not end with one.
func afterLine(f *os.File, end int64, text []byte) ([]byte, error) {
	var last [1]byte
	if end == 0 {
		return text, nil
	}
	if _, err := f.ReadAt(last[:], end-1); err != nil {
		return nil, err
	}
	if last[0] == '\n' {
		return text, nil
	}
	return append([]byte{'\n'}, text...), nil
}
