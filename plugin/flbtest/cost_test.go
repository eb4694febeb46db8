package flbtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"logveil/detectors"
	"logveil/redact"
)

// The costs of a pipeline that reads a file of logs to its end and keeps nothing, in user
// CPU seconds for a GB of logs, and what is beside it in the same round. The output face
// redacts and delivers to nothing in the place of Fluent Bit's own null output:
//
//	FLUENT_BIT=... go test ./plugin/flbtest -run '^$' -bench Cost -benchtime 3x
//
// LOGS names files of logs, with colons between; without it the logs of ../shared are
// taken, and once more only those lines of them in which nothing is found. They are repeated
// up to 200 MB. The Lua filter, which is what people use instead, takes so long that it reads
// a twentieth of that.
func BenchmarkCost(b *testing.B) {
	programs := filepath.SplitList(os.Getenv("FLUENT_BIT"))
	if len(programs) == 0 {
		b.Skip("FLUENT_BIT names no program of Fluent Bit")
	}
	plugin := plugin(b)
	const whole, part = 200_000_000, 10_000_000
	for _, l := range costLogs(b) {
		dir := b.TempDir()
		logs, some := filepath.Join(dir, "logs"), filepath.Join(dir, "some")
		repeat(b, logs, l.text, whole)
		repeat(b, some, l.text, part)
		write := func(name, text string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
		}
		write("plugins.conf", "[PLUGINS]\n    path "+plugin+"/flb-filter_logveil.so\n")
		write("none.conf", "[PLUGINS]\n")
		write("output.conf", "[PLUGINS]\n    path "+plugin+"/logveil.so\n")
		write("policy.yml", "version: 1\ntokens: {key_file: k}\nfluent_bit: {metrics: {listen: off}, output: {type: 'null'}}\n")
		write("filter.lua", luaFilter)
		const lua = "  filters:\n    - {name: lua, match: '*', script: DIR/filter.lua, call: redact}\n"
		const processor = "      processors:\n        logs:\n          - {name: logveil, config_file: DIR/policy.yml}\n"
		rows := []struct {
			name, logs string
			size       float64
			plugins    string
			filter     string
			output     string
		}{
			{"null", logs, whole, "none", "", "'null'"},
			{"filter", logs, whole, "plugins", filterFace, "'null'"},
			{"processor", logs, whole, "plugins", processor, "'null'"},
			{"output", logs, whole, "output", "", "logveil, config_file: DIR/policy.yml, workers: 1, retry_limit: no_limits"},
			{"lua", some, part, "none", lua, "'null'"},
		}
		for _, program := range programs {
			version, _ := exec.Command(program, "--version").Output()
			b.Run(l.name+"/"+strings.Fields(string(version))[2], func(b *testing.B) {
				costs := map[string][]float64{}
				for b.Loop() {
					for _, row := range rows {
						conf := fmt.Sprintf("service:\n  flush: 1\n  log_level: warn\n  plugins_file: DIR/%s.conf\npipeline:\n  inputs:\n    - name: tail\n      path: %s\n"+
							"      read_from_head: true\n      exit_on_eof: true\n      buffer_chunk_size: 1M\n      buffer_max_size: 8M\n%s  outputs:\n    - {name: %s, match: '*'}\n",
							row.plugins, row.logs, row.filter, row.output)
						write(row.name+".yaml", strings.ReplaceAll(conf, "DIR", dir))
						cmd := exec.Command(program, "-c", filepath.Join(dir, row.name+".yaml"))
						if out, err := cmd.CombinedOutput(); err != nil {
							b.Fatalf("%s: %v\n%s", row.name, err, out)
						}
						used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Utime
						costs[row.name] = append(costs[row.name], (float64(used.Sec)+float64(used.Usec)/1e6)/row.size*1e9)
					}
				}
				for _, row := range rows {
					c := costs[row.name]
					slices.Sort(c)
					b.ReportMetric(c[len(c)/2], row.name+"-s/GB")
				}
			})
		}
	}
}

// luaFilter is six patterns, by gsub on the line, as people write them.
const luaFilter = `
function redact(tag, timestamp, record)
  local s = record["log"]
  if s == nil then return 0, timestamp, record end
  s = s:gsub("%d%d%d%d[ -]?%d%d%d%d[ -]?%d%d%d%d[ -]?%d%d%d%d", "CARD")
  s = s:gsub("%d%d%d%-%d%d%-%d%d%d%d", "SSN")
  s = s:gsub("[%w%.%-_%+]+@[%w%-]+%.[%w%.%-]+", "EMAIL")
  s = s:gsub("%d+%.%d+%.%d+%.%d+", "IP")
  s = s:gsub("[Pp]assword=[^ &]+", "password=SECRET")
  s = s:gsub("[Bb]earer [%w%.%-_]+", "Bearer SECRET")
  record["log"] = s
  return 1, timestamp, record
end
`

// logs are lines, all of them ended.
type logs struct {
	name string
	text []byte
}

func costLogs(b *testing.B) []logs {
	if files := filepath.SplitList(os.Getenv("LOGS")); len(files) > 0 {
		return []logs{{"logs", lines(b, files)}}
	}
	const shared = root + "/../shared/corpora/logs/"
	systems, err := filepath.Glob(shared + "loghub_*.log")
	if err != nil {
		b.Fatal(err)
	}
	all, _ := filepath.Glob(shared + "*.log")
	if len(systems) == 0 {
		b.Skip("no logs: set LOGS, or have ../shared")
	}
	text := lines(b, systems)
	return []logs{{"16 systems", text}, {"16 systems, clean lines", clean(b, text)}, {"159 files", lines(b, all)}}
}

// lines reads files.
func lines(b *testing.B, files []string) (text []byte) {
	for _, f := range files {
		t, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		text = append(text, t...)
		if n := len(text); n > 0 && text[n-1] != '\n' {
			text = append(text, '\n')
		}
	}
	return text
}

// clean keeps the lines in which nothing is found.
func clean(b *testing.B, text []byte) (out []byte) {
	e, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		b.Fatal(err)
	}
	w := e.NewWorker()
	for line := range bytes.Lines(text) {
		if len(w.Find(line)) == 0 {
			out = append(out, line...)
		}
	}
	return out
}

// repeat writes the lines again and again, until there are size bytes, in whole lines.
func repeat(b *testing.B, to string, text []byte, size int) {
	text = bytes.Repeat(text, size/len(text)+1)
	text = text[:bytes.LastIndexByte(text[:size], '\n')+1]
	if err := os.WriteFile(to, text, 0o600); err != nil {
		b.Fatal(err)
	}
}
