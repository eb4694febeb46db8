package instance

import (
	"fmt"
	"strings"
	"time"
)

// Level is how much a line of the log matters, in Fluent Bit's numbers.
type Level int

// The levels in use.
const (
	LevelError Level = 1
	LevelWarn  Level = 2
	LevelInfo  Level = 3
)

// line is a line on its way to the host's log, or asks for those before it: done is closed
// when they are there.
type line struct {
	level Level
	text  string
	done  chan struct{}
}

// maxLines is how many lines may be on their way. In a flood of them some are left out.
const maxLines = 256

// writeLines gives lines to the host from a thread of its own: a host calls on small stacks
// of its coroutines, and its log needs more.
func writeLines(lines <-chan line, log func(Level, string)) {
	for l := range lines {
		if l.done != nil {
			close(l.done)
			continue
		}
		log(l.level, l.text)
	}
}

// Say writes to the log and does not wait for it. The text must hold no value.
func (p *Process) Say(l Level, text string) { p.say(l, "%s", text) }

func (p *Process) say(l Level, format string, args ...any) {
	for text := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		select {
		case p.lines <- line{level: l, text: text}:
		default:
		}
	}
}

// Drain waits until the log has all lines, for a second at most.
func (p *Process) Drain() {
	end := time.After(time.Second)
	l := line{done: make(chan struct{})}
	select {
	case p.lines <- l:
		select {
		case <-l.done:
		case <-end:
		}
	case <-end:
	}
}
