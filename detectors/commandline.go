package detectors

import (
	"bytes"
	"strings"

	"logveil/detectors/internal/keyed"
	"logveil/redact"
)

// commandLine finds passwords among the arguments of programs whose flags do not say what
// they are: "curl -u user:password", "mysql -ppassword", ["sshpass", "-p", "password"]. Flags
// that do, such as --password, are those of assign.
type commandLine struct{}

// secretArgs is how a command takes a password.
type secretArgs struct {
	// name is the beginning of its name, with what must stand behind it.
	name string
	// short are the letters of the flags -x with a password in the next argument, and glued
	// those with it in the same one.
	short, glued string
	// long are other flags with a password behind them: in the next argument, behind an equals
	// sign, or, when the flag ends with a colon, right there.
	long []string
	// part parts the user from the password in the argument of a flag, if there is a user.
	part byte
	// bundled are the letters of flags without an argument that may stand before a short one.
	bundled string
	// positional says that user, part and password stand in an argument without a flag.
	positional bool
}

// programs are those of which the manuals warn that others see the password in the list of
// processes, and that logs name most; each literal more slows the search for all. Source:
// their manual pages.
var programs = [...]secretArgs{
	{name: "curl", short: "uU", glued: "uU", part: ':', bundled: "sSkLfvigGIjNORqJlanB0123460#", long: []string{"--user", "--proxy-user"}},
	{name: "mysql", glued: "p"},
	{name: "mariadb", glued: "p"},
	{name: "sshpass", short: "p", glued: "p"},
	{name: "redis-cli", short: "a", long: []string{"--pass"}},
	{name: "docker login", short: "p", glued: "p"},
	{name: "podman login", short: "p", glued: "p"},
	{name: "registry login", short: "p", glued: "p"},
	{name: "az login", short: "p"},
	{name: "oc login", short: "p", glued: "p"},
	{name: "ldapsearch", short: "w", glued: "w"},
	{name: "ldapmodify", short: "w", glued: "w"},
	{name: "mongo", short: "p"},
	{name: "sqlcmd", short: "P", glued: "P"},
	{name: "smbclient", short: "U", part: '%', long: []string{"--user"}},
	{name: "keytool", long: []string{"-storepass", "-keypass", "-srcstorepass", "-deststorepass", "-srckeypass", "-destkeypass", "-new"}},
	{name: "snmp", short: "AX"},
	{name: "xfreerdp", long: []string{"/p:"}},
	{name: "sqlplus", part: '/', positional: true},
}

const (
	// maxCommand bounds how far behind the name of a program arguments are read, in bytes.
	maxCommand = 512
	// maxArgument bounds the length of a password.
	maxArgument = 256
	// maxArguments bounds how many arguments are read, and maxWords how many in a row that
	// are no flags: prose speaks of programs, too.
	maxArguments = 32
	maxWords     = 3
	// maxProgram is how many letters the name of a program may go on.
	maxProgram = 16
)

// Spec implements redact.Detector.
func (commandLine) Spec() redact.Spec {
	ls := make([]redact.Literal, len(programs))
	for i, p := range programs {
		ls[i] = redact.Literal{Text: p.name}
	}
	return redact.Spec{
		Name: "command-line", Kind: "password", Doc: "passwords in command lines, such as curl -u user:password, mysql -ppassword, sshpass -p password",
		Anchor: redact.Anchor{Literals: ls},
		MaxLen: maxCommand + 2*maxArgument, Rank: 20, Weight: 6, Closed: true,
		// Each value is read to from the name of the program.
		Work: map[redact.Reason]int{redact.Accepted: 19, redact.AcceptedOpen: 19},
	}
}

// Match implements redact.Detector.
func (d commandLine) Match(b []byte, at int) (redact.Span, redact.Reason) {
	return d.Next(b, at, at)
}

// Next implements redact.Repeater: a command may have several passwords.
func (commandLine) Next(b []byte, at, from int) (redact.Span, redact.Reason) {
	if at > 0 && (keyed.IsName(b[at-1]) && b[at-1] != '.') {
		return redact.Span{}, redact.RejectNeighbor
	}
	p := programAt(b[at:])
	if p == nil {
		return redact.Span{}, redact.RejectAnchor
	}
	a := arguments{b: b, i: at + len(p.name), end: min(len(b), at+maxCommand)}
	if !a.open() {
		return redact.Span{}, redact.RejectAnchor
	}
	words := 0
	for range maxArguments {
		arg, ok := a.next()
		if !ok {
			break
		}
		v, start := b[arg.Start:arg.End], -1
		switch {
		case len(v) > 1 && (v[0] == '-' || v[0] == '/' && len(p.long) > 0):
			words = 0
			n, next := p.flag(v)
			if n < 0 {
				continue
			}
			if start = arg.Start + n; next {
				if arg, ok = a.next(); !ok {
					return redact.Span{}, redact.RejectLength
				}
				start = arg.Start
			}
		case p.positional:
			start = arg.Start
		}
		if words++; start < 0 {
			if words == maxWords {
				break
			}
			continue
		}
		if start < from {
			continue
		}
		if s, r := p.judge(b, start, arg.End, a.cut); r.OK() {
			return s, r
		}
	}
	return redact.Span{Start: a.i}, redact.RejectValue
}

// programAt returns the program whose name p begins with, or nil.
func programAt(p []byte) *secretArgs {
	for i := range programs {
		if n := programs[i].name; p[0] == n[0] && len(p) > len(n) && string(p[:len(n)]) == n {
			return &programs[i]
		}
	}
	return nil
}

// flag reads an argument that begins with a dash. It returns where in it the password begins,
// or that it is in the next argument; -1 says that it is no flag for one.
func (p *secretArgs) flag(v []byte) (start int, next bool) {
	for _, l := range p.long {
		switch {
		case !bytes.HasPrefix(v, []byte(l)):
		case l[len(l)-1] == ':':
			return len(l), false
		case len(v) == len(l):
			return 0, true
		case v[len(l)] == '=':
			return len(l) + 1, false
		}
	}
	if v[1] == '-' || v[0] != '-' {
		return -1, false
	}
	i := 1
	for i < len(v)-1 && strings.IndexByte(p.bundled, v[i]) >= 0 {
		i++
	}
	switch {
	case i+1 == len(v) && strings.IndexByte(p.short, v[i]) >= 0:
		return 0, true
	case i+1 < len(v) && strings.IndexByte(p.glued, v[i]) >= 0:
		return i + 1, false
	}
	return -1, false
}

// judge decides about the argument b[start:end), of which the end was not seen when cut.
func (p *secretArgs) judge(b []byte, start, end int, cut bool) (redact.Span, redact.Reason) {
	for start < end && (b[start] == '\\' || b[start] == '\'' || b[start] == '"') {
		start++ // -p'password'
	}
	pw := b[start:end]
	if p.part != 0 {
		i := bytes.IndexByte(pw, p.part)
		if i < 0 || i > 0 && (pw[0] == '$' || pw[0] == '<' || pw[0] == '%') {
			return redact.Span{}, redact.RejectValue
		}
		if p.positional && (nameLen(pw) != i || i == 0 || bytes.IndexByte(pw[i+1:], '@') < 0 && bytes.IndexByte(pw[i+1:], '.') >= 0) {
			return redact.Span{}, redact.RejectValue
		}
		pw = pw[i+1:]
	}
	s := keyed.Measure(pw)
	if s.N < 3 || s.Placeholder(pw) || s.Blank > 0 && p.part != 0 || keyed.WordAt(pw) != keyed.NoWord || pw[0] == '$' || pw[0] == '<' || pw[0] == '-' || alreadyToken(b, start, end) {
		return redact.Span{}, redact.RejectValue
	}
	if cut {
		return redact.Span{Start: start, End: end}, redact.AcceptedOpen
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}

// arguments are those of a command: words with blanks between them, or strings in a list.
type arguments struct {
	b []byte
	// i is behind the last argument read. None begins at end or behind it.
	i, end int
	list   bool
	// cut says that the last argument goes on.
	cut bool
}

// open reads what stands behind the first letters of the name of a program.
func (a *arguments) open() bool {
	lim := min(a.end, a.i+maxProgram)
	for a.i < lim && (keyed.IsWord(a.b[a.i]) || a.b[a.i] == '-') {
		a.i++
	}
	if a.i+4 < a.end && string(a.b[a.i:a.i+4]) == ".exe" {
		a.i += 4
	}
	if a.i < a.end && a.b[a.i] == ' ' {
		return true
	}
	a.list = true
	n := keyed.Closed(a.b, a.i)
	if n == a.i || n >= a.end || a.b[n] != ',' {
		return false
	}
	a.i = n
	return true
}

// next reads an argument, and returns it without the quotation marks around it.
func (a *arguments) next() (arg redact.Span, ok bool) {
	b, i := a.b, a.i
	if a.list && i < a.end && b[i] == ',' {
		i++
	}
	for i < a.end && keyed.IsBlank(b[i]) {
		i++
	}
	if i == a.i || i >= a.end {
		return arg, false
	}
	op := keyed.Op{Start: i}
	quote := i
	if !a.list && b[i] == '-' && i+2 < len(b) {
		quote = i + 2 // -p'password'
	}
	for j := quote; j < len(b) && j < quote+8; j++ {
		if c := b[j]; c == '"' || c == '\'' {
			op = keyed.Op{Start: j + 1, Quote: c, Slashes: j - quote}
		} else if c == '\\' {
			continue
		}
		break
	}
	if op.Start >= len(b) || op.Quote == 0 && (a.list || commandEnd[b[i]]) {
		return arg, false
	}
	end, open := op.End(b, maxArgument)
	if end == op.Start {
		return arg, false
	}
	arg, a.i, a.cut = redact.Span{Start: op.Start, End: end}, end, open
	if op.Quote != 0 {
		a.i = keyed.Closed(b, end)
	}
	if quote > i && op.Quote != 0 {
		arg.Start = i
	}
	return arg, true
}

// commandEnd are the bytes of a shell behind which another command begins.
var commandEnd = [256]bool{'|': true, ';': true, '&': true, '\n': true, '>': true, '#': true}
