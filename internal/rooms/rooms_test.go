package rooms

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "logveil"
)

// room says what the code of a package may import besides the standard library.
type room struct {
	// own are packages of this module.
	own []string
	// others are packages of other modules.
	others []string
	// noStd is what of the standard library is out of bounds.
	noStd []string
	// unsafe says that the code may use package unsafe.
	unsafe bool
}

// The standard library's ways out of the process, and to other code.
var outside = []string{"net", "net/http", "os/exec", "plugin", "net/rpc", "net/smtp", "C"}

// noIO is for rooms whose code sees bytes and returns bytes.
var noIO = append([]string{"os", "io/fs", "syscall", "log", "log/slog", "time", "path/filepath"}, outside...)

// rooms are the arrows: cmd -> internal/config -> {internal/pipe, vault, detectors} ->
// redact -> internal/scan. A package that is not listed has no room yet.
var rooms = map[string]room{
	"cmd/logveil": {
		own:    []string{"internal/config", "internal/fluentbit", "internal/pipe", "redact"},
		others: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term"},
		noStd:  outside,
	},
	"internal/config": {
		own:    []string{"vault", "detectors", "internal/deliver", "internal/fields", "redact"},
		others: []string{"go.yaml.in/yaml/v4"},
		noStd:  outside,
	},
	"internal/fields":           {others: []string{"github.com/valyala/fastjson"}, noStd: noIO},
	"internal/config/reference": {own: []string{"internal/config"}, noStd: outside},
	"internal/pipe": {
		own:    []string{"redact"},
		others: []string{"golang.org/x/sys/unix"},
		noStd:  outside,
	},
	// The one room of the core that talks over the network, to Vault alone.
	"vault": {
		own:    []string{"redact", "internal/check"},
		others: []string{"golang.org/x/sys/unix", "github.com/hashicorp/vault/api"},
		noStd:  []string{"os/exec", "plugin", "net/rpc", "net/smtp", "C"},
		unsafe: true,
	},
	"vault/vaulttest":       {others: []string{"github.com/hashicorp/vault/api"}},
	"vault/vaulttest/build": {own: []string{"vault/vaulttest"}},
	"detectors": {
		own:   []string{"redact", "internal/check", "detectors/internal/keyed", "detectors/internal/keys", "detectors/rules"},
		noStd: noIO,
	},
	"detectors/internal/keys":  {noStd: noIO},
	"detectors/internal/keyed": {own: []string{"redact", "internal/check"}, noStd: noIO},
	"detectors/rules":          {own: []string{"redact", "internal/check", "detectors/internal/keyed"}, noStd: noIO},
	"detectors/detectortest":   {own: []string{"redact"}, noStd: outside},
	"redact":                   {own: []string{"internal/scan"}, noStd: noIO},
	"redact/log4j2test":        {},
	"internal/scan":            {others: []string{"golang.org/x/sys/cpu"}, noStd: noIO, unsafe: true},
	"internal/check":           {noStd: noIO},
	// It talks over the network, to the next in the chain of log shippers.
	// Another program's configuration: read, and never acted on.
	"internal/fluentbit": {others: []string{"go.yaml.in/yaml/v4"}, noStd: outside},
	// Redacted chunks leave the process here, and only here.
	"internal/deliver": {
		others: []string{"github.com/tinylib/msgp/msgp"},
		noStd:  []string{"os/exec", "plugin", "net/rpc", "net/smtp", "C"},
	},
	"internal/metrics": {
		own: []string{"internal/deliver", "vault", "redact"},
		others: []string{
			"github.com/prometheus/client_golang/prometheus",
			"github.com/prometheus/client_golang/prometheus/collectors",
			"github.com/prometheus/client_golang/prometheus/promhttp",
		},
		noStd: []string{"os/exec", "plugin", "net/rpc", "net/smtp", "C"},
	},
	"internal/rooms": {},
	// Bytes in, bytes out; package flb below it is what talks to Fluent Bit.
	"plugin": {own: []string{"redact"}, noStd: noIO},
	"plugin/instance": {
		own:   []string{"internal/config", "internal/deliver", "internal/metrics", "plugin", "redact", "vault"},
		noStd: outside,
	},
	"plugin/flbtest": {},
	// The seam to a host in C, and nothing but the seam.
	"plugin/flb": {
		own:    []string{"plugin/instance"},
		others: []string{"github.com/fluent/fluent-bit-go/output"},
		noStd:  []string{"net", "net/http", "os/exec", "plugin", "net/rpc", "net/smtp"},
		unsafe: true,
	},
	// Benchmarks look at everything from outside, and nothing looks at them.
	"bench": {
		own:    []string{"bench/corpus", "internal/config", "internal/scan", "vault", "detectors", "detectors/rules", "redact"},
		others: []string{"golang.org/x/sys/unix"},
	},
	"bench/corpus":             {},
	"bench/corpus/floodsearch": {own: []string{"bench/corpus"}},
	"bench/corpus/makecorpus":  {own: []string{"bench/corpus"}},
	"bench/peers/runner":       {},
}

// pkg is the code of a package, under every build tag, without its tests.
type pkg struct {
	name    string
	doc     bool
	imports map[string]string // path -> a file that imports it
	inits   []string          // files with func init
}

// packages parses every package of this module. Folders with a go.mod of their own are
// other modules, and folders that the go command leaves out are left out.
func packages(t *testing.T) map[string]*pkg {
	t.Helper()
	pkgs := map[string]*pkg{}
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := e.Name()
		if e.IsDir() && file != root {
			_, nested := os.Stat(filepath.Join(file, "go.mod"))
			if nested == nil || base == "testdata" || base[0] == '.' || base[0] == '_' {
				return filepath.SkipDir
			}
		}
		if e.IsDir() || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if len(f.Comments) > 0 && f.Comments[0].List[0].Text == "//go:build ignore" {
			return nil // a program that go generate runs is no part of the package it writes for
		}
		dir = filepath.ToSlash(dir)
		p := pkgs[dir]
		if p == nil {
			p = &pkg{name: f.Name.Name, imports: map[string]string{}}
			pkgs[dir] = p
		}
		p.doc = p.doc || f.Doc != nil
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			p.imports[name] = base
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				p.inits = append(p.inits, base)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 5 {
		t.Fatalf("found %d packages: is %s the root of the repository?", len(pkgs), root)
	}
	return pkgs
}

func TestArrows(t *testing.T) {
	for dir, p := range packages(t) {
		r, ok := rooms[dir]
		if !ok {
			t.Errorf("%s has no room: say in %s what it may import", dir, "internal/rooms/rooms_test.go")
			continue
		}
		for _, imported := range slices.Sorted(maps.Keys(p.imports)) {
			file := path.Join(dir, p.imports[imported])
			first, _, _ := strings.Cut(imported, "/")
			switch own, isOwn := strings.CutPrefix(imported, module+"/"); {
			case isOwn:
				if !slices.Contains(r.own, own) {
					t.Errorf("%s imports %s: no arrow goes from %s there", file, imported, dir)
				}
			case strings.Contains(first, "."):
				if !slices.Contains(r.others, imported) {
					t.Errorf("%s imports %s: %s may not use that module", file, imported, dir)
				}
			case imported == "unsafe" && !r.unsafe, slices.Contains(r.noStd, imported):
				t.Errorf("%s imports %s: out of bounds for %s", file, imported, dir)
			}
		}
	}
}

// TestArrowsHaveNoLoop keeps the table itself honest: the compiler would refuse a loop in
// the code, but not one that nobody used yet.
func TestArrowsHaveNoLoop(t *testing.T) {
	state := map[string]int{} // 1 on the way, 2 done
	var visit func(dir string, way []string)
	visit = func(dir string, way []string) {
		way = append(way, dir)
		switch state[dir] {
		case 1:
			t.Fatalf("a loop of arrows: %s", strings.Join(way, " -> "))
		case 2:
			return
		}
		state[dir] = 1
		for _, to := range rooms[dir].own {
			if _, ok := rooms[to]; !ok {
				t.Errorf("%s may import %s, which has no room", dir, to)
			}
			visit(to, way)
		}
		state[dir] = 2
	}
	for dir := range rooms {
		visit(dir, nil)
	}
}

func TestEveryPackage(t *testing.T) {
	drawers := []string{"util", "utils", "helper", "helpers", "common", "misc", "types", "shared", "base"}
	for dir, p := range packages(t) {
		if !p.doc {
			t.Errorf("%s has no package comment", dir)
		}
		if slices.Contains(drawers, path.Base(dir)) || slices.Contains(drawers, p.name) {
			t.Errorf("%s: %s names a drawer, not a room", dir, p.name)
		}
		if len(p.inits) > 0 {
			t.Errorf("%s: func init in %s: what runs is called, not registered", dir, strings.Join(p.inits, ", "))
		}
	}
}

// direct are the modules that go.mod may require by itself, and what for. What they bring
// with them is theirs.
var direct = map[string]string{
	"github.com/fluent/fluent-bit-go":     "plugin/flb: the output's side of Fluent Bit",
	"github.com/hashicorp/vault/api":      "vault: the client",
	"github.com/prometheus/client_golang": "internal/metrics: registry, exposition",
	"github.com/prometheus/common":        "tests: the parser of the exposition",
	"github.com/rogpeppe/go-internal":     "tests: scripts",
	"github.com/spf13/cobra":              "cmd: commands, completions",
	"github.com/spf13/pflag":              "cmd: the errors of flags",
	"github.com/tinylib/msgp":             "internal/deliver: MessagePack",
	"github.com/valyala/fastjson":         "internal/fields: members of JSON; tests: a second reader of it",
	"go.yaml.in/yaml/v4":                  "internal/config: policy",
	"golang.org/x/sys":                    "vault: locked memory, open flags; internal/pipe: the size of pipes",
	"golang.org/x/term":                   "cmd: is it a terminal?",
}

// TestModules keeps the list of modules short, and known.
func TestModules(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.SplitSeq(string(b), "\n") {
		line = strings.TrimPrefix(strings.TrimSpace(line), "require ")
		name, rest, ok := strings.Cut(line, " ")
		if !ok || !strings.Contains(name, "/") || !strings.HasPrefix(rest, "v") || strings.HasSuffix(rest, "// indirect") {
			continue
		}
		n++
		if direct[name] == "" {
			t.Errorf("go.mod requires %s: what for? Say it here and in docs/adr", name)
		}
	}
	if n == 0 {
		t.Error("go.mod requires nothing")
	}
	for dir, r := range rooms {
		for _, o := range r.others {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(direct)), func(m string) bool { return o == m || strings.HasPrefix(o, m+"/") }) {
				t.Errorf("%s may use %s, which is of no module here", dir, o)
			}
		}
	}
}
