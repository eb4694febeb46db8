package fluentbit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Plugin is the name of the redactor, as filter, as processor and as output.
const Plugin = "logveil"

// Problem is a way past the redaction, or a way to lose records behind it.
type Problem struct {
	File string
	Line int
	Text string
}

// String gives FILE:LINE: text.
func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Route is the way of records from where they come to an output.
type Route struct {
	// From and To name plugins; Tag is a pattern.
	From, Tag, To string
	// By says what redacts.
	By string
}

// Report is what [Check] found.
type Report struct {
	Problems []Problem
	Routes   []Route
	// Policies are the files that redactors are told to use.
	Policies []PolicyFile
}

// PolicyFile is a policy that a configuration names.
type PolicyFile struct {
	File string
	Line int
	// Path is as it stands there.
	Path string
	// Output says that the policy is that of an output.
	Output bool
}

// Check reads a configuration, in YAML when its name ends so and in the classic format
// otherwise, and reports the problems in it by file and line. An error is that of reading
// the file.
func Check(file string) (*Report, error) {
	c := &config{file: file, vars: map[string]string{}}
	if err := c.load(file); err != nil {
		return nil, err
	}
	c.streams()
	c.expand()
	r := &Report{}
	k := checker{config: c, report: r}
	k.service()
	k.redactors()
	k.flows()
	for _, p := range c.problems {
		k.found(place{p.File, p.Line}, "%s", p.Text)
	}
	slices.SortStableFunc(r.Problems, func(a, b Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	return r, nil
}

// Show writes the routes of records.
func (r *Report) Show(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FROM\tTAG\tREDACTED BY\tTO")
	for _, route := range r.Routes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", route.From, route.Tag, route.By, route.To)
	}
	t.Flush()
}

// load reads a file and what it includes.
func (c *config) load(file string) error {
	files := 0
	var failed error
	var read func(file string, depth int, from place)
	read = func(file string, depth int, from place) {
		files++
		if depth > maxDepth || files > maxFiles {
			c.problem(from, "too many files are included: in a circle?")
			return
		}
		b, err := readFile(file)
		if err != nil {
			if depth == 0 {
				failed = err
				return
			}
			c.problem(from, "a file that cannot be included, so what it says is not checked")
			return
		}
		switch strings.ToLower(filepath.Ext(file)) {
		case ".yaml", ".yml":
			c.yaml(file, b, depth, read)
		default:
			c.classic(file, string(b), depth, read)
		}
	}
	read(file, 0, place{file, 1})
	return failed
}

// streams loads the file of stream tasks that the service names.
func (c *config) streams() {
	c.service.expand(c.vars)
	file, ok := c.service.get("streams_file")
	if !ok {
		return
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(c.file), file)
	}
	if err := c.load(file); err != nil {
		c.problem(c.service.where("streams_file"), "a file that cannot be read, so what it says is not checked")
	}
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("too long for a configuration")}
	}
	return b, err
}

// checker goes through a configuration.
type checker struct {
	*config
	report *Report
	queue  []flow // to be followed
}

func (k *checker) found(at place, format string, a ...any) {
	p := Problem{at.file, at.line, fmt.Sprintf(format, a...)}
	if !slices.Contains(k.report.Problems, p) {
		k.report.Problems = append(k.report.Problems, p)
	}
}

// service looks at what holds for all of Fluent Bit.
func (k *checker) service() {
	s := &k.config.service
	if s.on("daemon") {
		k.found(s.where("daemon"), "daemon: the plugin does not survive the fork; run Fluent Bit in the foreground, under a supervisor")
	}
	if s.on("enable_chunk_trace") {
		k.found(s.where("enable_chunk_trace"), "enable_chunk_trace: whoever reaches the HTTP server can have records copied before they are redacted")
	}
	dir, ok := s.get("storage.path")
	if n := chunks(dir); ok && n > 0 && slices.ContainsFunc(k.of("output"), func(o *section) bool { return !k.harmless(o) }) {
		k.found(s.where("storage.path"), "%d chunks wait there: no filter sees them, so those that were stored before there was one go out raw; let the former configuration deliver them first", n)
	}
}

// harmless reports whether an output may get raw records.
func (k *checker) harmless(o *section) bool {
	return o.name() == Plugin || o.name() == "null" || o.name() == "exit" || k.processorOf(o) != nil
}

// processorOf returns the redacting processor of an input or an output that looks at every
// record.
func (k *checker) processorOf(s *section) *section {
	for _, p := range s.processors {
		if p.name() == Plugin && !p.conditional {
			return p
		}
	}
	return nil
}

// chunks counts the chunk files under a folder of Fluent Bit's storage.
func chunks(dir string) int {
	if dir == "" || variable.MatchString(dir) {
		return 0
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.flb"))
	if err != nil {
		return 0
	}
	return len(files)
}

// redactors looks at the options of each redactor.
func (k *checker) redactors() {
	there := false
	for _, s := range k.sections {
		for _, r := range append([]*section{s}, s.processors...) {
			if r.name() != Plugin || r.kind == "input" {
				continue
			}
			there = true
			k.redactor(r)
		}
	}
	if !there {
		k.found(place{k.file, 1}, "no filter, processor or output %s here: nothing is redacted", Plugin)
	}
}

func (k *checker) redactor(r *section) {
	path, ok := r.get("config_file")
	switch {
	case !ok:
		k.found(r.at, "`config_file` is missing: under which policy?")
	case !variable.MatchString(path):
		at := r.where("config_file")
		k.report.Policies = append(k.report.Policies, PolicyFile{at.file, at.line, path, r.kind == "output"})
	}
	if r.conditional {
		k.found(r.at, "a condition lets records past the redaction")
	}
	for _, p := range r.props {
		if slices.Contains([]string{"config", "configfile", "config.file", "policy", "policy_file", "policyfile"}, p.key) {
			k.found(p.at, "Fluent Bit takes this key in silence, and nobody reads it: `config_file` names the policy")
		}
	}
	if r.kind != "output" {
		return
	}
	switch v, ok := r.get("workers"); {
	case !ok:
		k.found(r.at, "`workers` is missing: without one, each delivery stops all of Fluent Bit; say 1 or more")
	case variable.MatchString(v):
	default:
		if n, err := strconv.Atoi(v); err != nil || n < 1 {
			k.found(r.where("workers"), "without a worker, each delivery stops all of Fluent Bit; say 1 or more")
		}
	}
	switch v, ok := r.get("retry_limit"); {
	case !ok:
		k.found(r.at, "`retry_limit` is missing: records are dropped after one retry; say no_limits")
	case variable.MatchString(v):
	case !slices.Contains([]string{"no_limits", "false", "off"}, strings.ToLower(v)):
		k.found(r.where("retry_limit"), "records are dropped after so many retries; say no_limits")
	}
	if v, ok := k.config.service.get("grace"); ok {
		if n, err := strconv.Atoi(v); err == nil && n < 5 {
			k.found(k.config.service.where("grace"), "grace: a delivery may take longer; say 5 or more")
		}
	}
}

// flow is a set of records on their way.
type flow struct {
	origin *section // where they come from
	input  *section // the input that they came in by, as far as is known
	source string   // what stream tasks call that, a pattern
	tags   string
	by     string // what redacted them; empty when nothing did
	// joined are the filters that kept them for a while before anything redacted them.
	joined []*section
	// added is a filter that put raw text into them behind what redacted them.
	added *section
}

func (f flow) from() string {
	switch f.origin.kind {
	case "filter", "processor":
		return f.origin.name() + " (" + f.origin.kind + ")"
	case "stream":
		return f.origin.name() + " (stream task)"
	}
	return f.origin.name()
}

// maxFlows bounds the flows that are followed. A configuration with more is reported.
const maxFlows = 10_000

// flows follows every flow to its outputs.
func (k *checker) flows() {
	count := map[string]int{}
	for _, in := range k.of("input") {
		n := count[in.name()]
		count[in.name()]++
		if !logs(in.name()) {
			continue
		}
		f := flow{origin: in, input: in, source: in.name() + "." + strconv.Itoa(n), tags: tagsOf(in, n)}
		for _, p := range in.processors {
			k.pass(&f, p)
		}
		// What a processor emits goes through all processors of the input.
		for _, p := range in.processors {
			k.emit(f, p)
		}
		k.queue = append(k.queue, f)
	}
	// Flows that differ in nothing that is asked of them below are one.
	type key struct {
		origin    *section
		tags      string
		raw, disk bool
		added     *section
	}
	seen := map[key]bool{}
	for len(k.queue) > 0 && len(seen) < maxFlows {
		f := k.queue[0]
		k.queue = k.queue[1:]
		_, disk := k.onDisk(f.input)
		id := key{f.origin, f.tags, f.by == "", disk, f.added}
		if seen[id] {
			continue
		}
		seen[id] = true
		for _, filter := range k.of("filter") {
			some, all := filter.matches(f.tags)
			if !some {
				continue
			}
			if filter.name() == Plugin && !all {
				continue // some of the tags get past it
			}
			k.pass(&f, filter)
			k.emit(f, filter)
		}
		k.deliver(f)
		// Streams are made of records behind the filters.
		for _, task := range k.of("stream") {
			q := queryOf(task)
			switch {
			case f.by != "" || !q.reads(f):
			case q.prints:
				k.found(task.at, "a stream task without CREATE STREAM prints records, and those of %s are not redacted", f.origin.name())
			default:
				k.queue = append(k.queue, flow{origin: task, source: q.name, tags: q.tags})
			}
		}
	}
	if len(k.queue) > 0 {
		k.found(place{k.file, 1}, "too many inputs and rules: records take more than %d ways, and not all of them are checked", maxFlows)
	}
}

// emit queues what a filter or a processor makes of a flow under other tags.
func (k *checker) emit(f flow, s *section) {
	if s.name() != "rewrite_tag" {
		return
	}
	source, ok := s.get("emitter_name")
	if !ok {
		source = "emitter_for_*"
	}
	for _, p := range s.props {
		if p.key == "rule" {
			k.queue = append(k.queue, flow{origin: s, input: f.input, source: wide(source), tags: rewritten(p.value), by: f.by, added: f.added})
		}
	}
}

// pass takes a flow through a filter or a processor that it matches.
func (k *checker) pass(f *flow, s *section) {
	switch name := s.name(); {
	case name == Plugin && !s.conditional:
		if f.by == "" {
			f.by = fmt.Sprintf("%s, line %d", s.kind, s.at.line)
		}
		f.added = nil
	case f.by != "":
		if name == "kubernetes" && !(s.off("labels") && s.off("annotations")) {
			f.added = s
		}
	case name == "stdout":
		k.found(s.at, "%s stdout prints records before they are redacted: put it behind %s", s.kind, Plugin)
	case name == "expect":
		k.found(s.at, "%s expect prints records that are not as expected before they are redacted: put it behind %s", s.kind, Plugin)
	case name == "log_to_metrics":
		k.found(s.at, "%s log_to_metrics makes labels of records before they are redacted: put it behind %s", s.kind, Plugin)
	case name == "nightfall":
		k.found(s.at, "%s nightfall sends records to a service before they are redacted: put it behind %s", s.kind, Plugin)
	case name == "multiline":
		f.joined = append(slices.Clip(f.joined), s)
	case name == "rewrite_tag":
		for _, p := range s.props {
			if p.key == "rule" && tagOfRecord(p.value) {
				k.found(p.at, "rewrite_tag makes a tag of a part of a record before it is redacted, and tags go out as they are: put it behind %s", Plugin)
			}
		}
	}
}

// deliver takes a flow to the outputs.
func (k *checker) deliver(f flow) {
	for _, out := range k.of("output") {
		some, _ := out.matches(f.tags)
		alias, _ := out.get("alias")
		if f.input != nil && !some {
			some = slices.Contains(f.input.routes, out.name()) || alias != "" && slices.Contains(f.input.routes, alias)
		}
		if !some {
			continue
		}
		behind := f
		for _, p := range out.processors {
			k.pass(&behind, p)
			k.emit(behind, p)
		}
		by := behind.by
		if behind.added != nil && !k.harmless(out) {
			k.found(behind.added.at, "filter kubernetes adds labels and annotations of pods behind the redaction: put it before %s, or switch both off", Plugin)
		}
		if by == "" && out.name() == Plugin {
			by = fmt.Sprintf("output, line %d", out.at.line)
		}
		if f.by == "" && by != "" {
			k.stored(f, out)
		}
		if by == "" {
			by = "nothing"
			if !k.harmless(out) {
				k.raw(f, out)
			}
		}
		k.report.Routes = append(k.report.Routes, Route{From: f.from(), Tag: f.tags, To: out.name(), By: by})
	}
}

// raw reports a flow that reaches an output as it is.
func (k *checker) raw(f flow, out *section) {
	switch f.origin.kind {
	case "stream":
		k.found(f.origin.at, "a stream of records that are not redacted, and no filter %s matches every tag %s of it: they reach the output %s (line %d) raw",
			Plugin, f.tags, out.name(), out.at.line)
		return
	case "filter", "processor":
		k.found(f.origin.at, "rewrite_tag emits records again as %s before they are redacted, and no filter %s matches all of these: they reach the output %s (line %d) raw; put a filter %s with match * first, or redact in a processor of the input",
			f.tags, Plugin, out.name(), out.at.line, Plugin)
		return
	}
	k.found(out.at, "output %s gets records of the input %s (line %d) raw: no filter %s matches every tag %s",
		out.name(), f.origin.name(), f.origin.at.line, Plugin, f.tags)
}

// onDisk reports whether what an input reads is kept on the disk, and where that is said.
// in may be nil, when it is not known.
func (k *checker) onDisk(in *section) (at place, ok bool) {
	if in == nil {
		return place{}, false
	}
	t, own := in.get("storage.type")
	at = in.where("storage.type")
	if service := &k.config.service; !own && service.on("storage.inherit") {
		t, _ = service.get("storage.type")
		at = service.where("storage.type")
	}
	return at, strings.EqualFold(t, "filesystem")
}

// stored reports raw records on a disk: those of a flow that is redacted only behind the
// storage.
func (k *checker) stored(f flow, out *section) {
	service := &k.config.service
	what := "the output face"
	if out.name() != Plugin {
		what = "a processor of the output"
	}
	if at, disk := k.onDisk(f.input); disk {
		k.found(at, "storage.type filesystem keeps raw records on the disk: %s redacts behind the storage; use memory, or the filter %s", what, Plugin)
	}
	emitters := f.joined
	if f.origin.kind != "input" {
		emitters = append(slices.Clip(emitters), f.origin)
	}
	for _, e := range emitters {
		if t, _ := e.get("emitter_storage.type"); strings.EqualFold(t, "filesystem") {
			k.found(e.where("emitter_storage.type"), "emitter_storage.type filesystem keeps raw records on the disk: %s redacts behind the storage", what)
		}
	}
	if service.on("storage.keep.rejected") {
		k.found(service.where("storage.keep.rejected"), "storage.keep.rejected keeps raw records on the disk: %s redacts behind the storage", what)
	}
}

// logs reports whether an input has log events; the others have metrics or traces only.
func logs(name string) bool {
	switch name {
	case "node_exporter_metrics", "windows_exporter_metrics", "process_exporter_metrics", "fluentbit_metrics",
		"prometheus_scrape", "prometheus_remote_write", "prometheus_textfile", "podman_metrics", "nginx_metrics", "gpu_metrics", "event_type":
		return false
	}
	return true
}

// tagsOf returns the tags that the records of an input can have; n is how many inputs of
// the same plugin stand before it.
func tagsOf(in *section, n int) string {
	tag, ok := in.get("tag")
	prefix, prefixed := in.get("tag_prefix")
	_, keyed := in.get("tag_key")
	switch name := in.name(); name {
	case "forward":
		if prefixed {
			return wide(prefix) + "*"
		}
		if !ok {
			return "*" // the sender says
		}
	case "http", "splunk", "elasticsearch", "mqtt":
		if keyed || !ok {
			return "*"
		}
	case "opentelemetry":
		if v, _ := in.get("tag_from_uri"); !strings.EqualFold(v, "false") && !strings.EqualFold(v, "off") || !ok {
			return "*"
		}
	}
	if !ok {
		return in.name() + "." + strconv.Itoa(n)
	}
	if _, ok := in.get("tag_regex"); ok {
		tag = placeholder.ReplaceAllLiteralString(tag, "*")
	}
	return wide(tag)
}

// newTag returns the new tag in a rule of rewrite_tag, $KEY REGEX NEW_TAG KEEP.
func newTag(rule string) (tag string, ok bool) {
	fields := strings.Fields(rule)
	if len(fields) < 4 {
		return "", false
	}
	return fields[len(fields)-2], true
}

// rewritten returns the tags that a rule of rewrite_tag makes.
func rewritten(rule string) string {
	tag, ok := newTag(rule)
	if !ok {
		return "*"
	}
	return squeeze(reference.ReplaceAllLiteralString(wide(tag), "*"))
}

// tagOfRecord reports whether a rule of rewrite_tag takes the new tag, or a part of it, from
// the record.
func tagOfRecord(rule string) bool {
	tag, _ := newTag(rule)
	return slices.ContainsFunc(reference.FindAllString(tag, -1), func(r string) bool {
		name, _, _ := strings.Cut(r, "[")
		return name != "$TAG"
	})
}
