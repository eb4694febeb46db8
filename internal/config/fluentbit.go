package config

import (
	"errors"
	"maps"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"logveil/internal/deliver"
)

// FluentBit says what the plugin for Fluent Bit does.
type FluentBit struct {
	Output  Output
	Metrics Metrics
}

// Metrics say where the plugin shows its counts.
type Metrics struct {
	// Listen is HOST:PORT, or "off".
	Listen string
}

// MetricsOff is what Metrics.Listen is when nothing is shown.
const MetricsOff = "off"

// Output is where the output face of the plugin takes redacted records.
type Output struct {
	// Type is empty when there is none.
	Type    OutputType
	Timeout time.Duration
	Forward ForwardOutput
	HTTP    HTTPOutput
	File    FileOutput
	JSON    deliver.JSONOptions
}

// OutputType names a kind of destination.
type OutputType string

// The destinations of a policy.
const (
	// OutputForward is a server of the Forward protocol.
	OutputForward OutputType = "forward"
	// OutputHTTP is an HTTP server that takes lines of JSON.
	OutputHTTP OutputType = "http"
	// OutputFile is a file of lines of JSON.
	OutputFile OutputType = "file"
	// OutputStdout writes lines of JSON to standard output.
	OutputStdout OutputType = "stdout"
	// OutputNull keeps nothing.
	OutputNull OutputType = "null"
)

var outputTypes = []OutputType{OutputForward, OutputHTTP, OutputFile, OutputStdout, OutputNull}

// TLSFiles name what a connection needs besides the system's certificate authorities.
type TLSFiles struct{ CAFile, ServerName, ClientCert, ClientKey string }

// ForwardOutput is a server of the Forward protocol: Fluentd, Fluent Bit, a sidecar.
type ForwardOutput struct {
	Targets                                     []deliver.Target
	Gzip, Fluentd                               bool
	Hostname, SharedKeyFile, User, PasswordFile string
	TLS                                         TLSFiles
}

// HTTPOutput is an HTTP server.
type HTTPOutput struct {
	URL               string
	Headers           map[string]string
	AuthorizationFile string
	Gzip              bool
	TLS               TLSFiles
}

// FileOutput is a file.
type FileOutput struct {
	Path string
	Sync bool
}

// Bounds of one delivery. Fluent Bit gives an output five seconds when it ends (grace),
// and what is under way then comes again after the next start.
const (
	minDelivery = 100 * time.Millisecond
	maxDelivery = 4 * time.Second
)

// fileMode is for files that the output makes: people who may read logs are in the group.
const fileMode = 0o640

func defaultFluentBit() FluentBit {
	return FluentBit{
		Output: Output{
			Timeout: 4 * time.Second,
			JSON:    deliver.JSONOptions{TimeKey: "date", Metadata: true},
		},
		Metrics: Metrics{Listen: "127.0.0.1:2021"},
	}
}

func (f *FluentBit) declare() object {
	return object{
		{
			name:  "output",
			doc:   "Where the output face takes redacted records. The filter face needs none.",
			value: f.Output.declare(),
		},
		{
			name: "metrics",
			doc:  "Counts for Prometheus, health and readiness, over HTTP.",
			value: object{
				{
					name:  "listen",
					doc:   "Where `/metrics`, `/healthz` and `/readyz` answer, or `off`. They show no value and no text of a record. One process has one such address.",
					value: listen{&f.Metrics.Listen},
				},
			},
		},
	}
}

func (o *Output) declare() object {
	return object{
		{
			name:  "type",
			doc:   "What is there. `forward`: Fluentd, Fluent Bit or a sidecar, by the Forward protocol with acknowledgements. `http`: a server that takes lines of JSON. `file`: a file of lines of JSON. `stdout`: lines of JSON on standard output. `null`: nothing, records are counted and gone.",
			value: enum[OutputType]{dst: &o.Type, words: outputTypes, unset: "none: the output face does not start"},
		},
		{
			name:  "timeout",
			doc:   "How long one delivery may take, connecting and waiting for the answer included, before it counts as failed and Fluent Bit comes again. It is below Fluent Bit's `grace` of 5 s.",
			value: duration{&o.Timeout, minDelivery, maxDelivery},
		},
		{
			name:  "forward",
			doc:   "For the type `forward`.",
			value: o.Forward.declare(),
		},
		{
			name:  "http",
			doc:   "For the type `http`.",
			value: o.HTTP.declare(),
		},
		{
			name: "file",
			doc:  "For the type `file`.",
			value: object{
				{
					name:  "path",
					doc:   "The file, appended to. When it is renamed or removed, as by logrotate, the next record goes to a new one of that name. On a full disk no half record stays.",
					value: path{dst: &o.File.Path},
				},
				{
					name:  "sync",
					doc:   "Whether each delivery waits until the disk has it. Without it, what was delivered outlives the process but not the machine.",
					value: boolean{&o.File.Sync},
				},
			},
		},
		{
			name: "json",
			doc:  "What a line of JSON holds besides the keys of a record, for `http`, `file` and `stdout`. Keys that a record has itself win.",
			value: object{
				{
					name:  "time_key",
					doc:   "The key of the time, RFC 3339 in UTC; empty for none.",
					value: word{&o.JSON.TimeKey, keyForm, "a key of at most 64 characters, or nothing"},
				},
				{
					name:  "tag_key",
					doc:   "The key of the tag; empty for none.",
					value: word{&o.JSON.TagKey, keyForm, "a key of at most 64 characters, or nothing"},
				},
				{
					name:  "metadata",
					doc:   "Whether what is not empty of a record's metadata stands under `metadata`, and the OpenTelemetry resource and scope of its group under `group`.",
					value: boolean{&o.JSON.Metadata},
				},
			},
		},
	}
}

var (
	keyForm  = regexp.MustCompile(`^[^\x00-\x1f\x7f]{0,64}$`)
	userForm = regexp.MustCompile(`^[!-~]{1,128}$`)
)

func (f *ForwardOutput) declare() object {
	return append(object{
		{
			name:  "targets",
			doc:   "Where the servers are, the preferred one first. Another one takes over when a delivery fails, and the first gets its work back after ten seconds. Each has to send acknowledgements.",
			value: targets{&f.Targets},
		},
		{
			name:  "gzip",
			doc:   "Whether chunks are compressed (CompressedPackedForward).",
			value: boolean{&f.Gzip},
		},
		{
			name:  "fluentd",
			doc:   "Whether records go as Fluentd reads them, without metadata. Fluent Bit reads both forms.",
			value: boolean{&f.Fluentd},
		},
		{
			name:  "shared_key_file",
			doc:   "The shared key, which both sides prove to have. It is read again for each connection.",
			value: path{dst: &f.SharedKeyFile},
		},
		{
			name:  "user",
			doc:   "The user, for servers that want one besides the shared key.",
			value: word{&f.User, userForm, "a name of at most 128 characters without blanks"},
		},
		{
			name:  "password_file",
			doc:   "The password of `user`.",
			value: path{dst: &f.PasswordFile},
		},
		{
			name:  "hostname",
			doc:   "This client's name in the handshake; without it, that of the system and `-logveil`. It must not be the server's.",
			value: word{&f.Hostname, hostForm, "the name of a host"},
		},
	}, f.TLS.declare()...)
}

func (h *HTTPOutput) declare() object {
	return append(object{
		{
			name:  "url",
			doc:   "Where records are posted. Redirects are not followed and proxies not used.",
			value: endpoint{&h.URL},
		},
		{
			name:  "headers",
			doc:   "Headers of each request.",
			value: headers{&h.Headers},
		},
		{
			name:  "authorization_file",
			doc:   "The value of the header `Authorization`, as in `Bearer ...`. It is read again for each request.",
			value: path{dst: &h.AuthorizationFile},
		},
		{
			name:  "gzip",
			doc:   "Whether the body is compressed.",
			value: boolean{&h.Gzip},
		},
	}, h.TLS.declare()...)
}

func (f *TLSFiles) declare() object {
	return object{
		{
			name:  "ca_file",
			doc:   "The certificate authorities that the server's certificate may come from, in PEM; without one, those of the system. This and the next files are read again for each connection.",
			value: path{dst: &f.CAFile},
		},
		{
			name:  "server_name",
			doc:   "The name in the server's certificate, where it is not the host that is connected to.",
			value: word{&f.ServerName, hostForm, "the name of a host"},
		},
		{
			name:  "client_cert",
			doc:   "A client certificate in PEM, with `client_key`.",
			value: path{dst: &f.ClientCert},
		},
		{
			name:  "client_key",
			doc:   "The key of `client_cert` in PEM.",
			value: path{dst: &f.ClientKey},
		},
	}
}

// targets is a list of places to forward to.
type targets struct{ dst *[]deliver.Target }

const targetForm = "tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH"

func (v targets) is() string {
	return "a list of `tcp://HOST:PORT`, `tls://HOST:PORT` or `unix:///PATH`; the port is 24224 where it is left out"
}

func (v targets) read(d *decoder, n *yaml.Node, at string) {
	elements(d, n, at, "a list of targets", func(e *yaml.Node, _ string) {
		s, ok := scalar(d, e, targetForm, "!!str")
		if !ok {
			return
		}
		t, err := deliver.ParseTarget(s)
		switch {
		case err != nil:
			d.fail(e, "want %s", targetForm)
		case slices.Contains(*v.dst, t):
			d.fail(e, "this target stands here twice")
		default:
			*v.dst = append(*v.dst, t)
		}
	})
}

func (v targets) schema() map[string]any {
	return map[string]any{
		"type": "array", "uniqueItems": true, "minItems": 1,
		"items": map[string]any{"type": "string", "pattern": "^(tcp://|tls://|unix:///).+$"},
	}
}

func (v targets) show() string {
	var s []string
	for _, t := range *v.dst {
		s = append(s, t.String())
	}
	return strings.Join(s, ", ")
}

// endpoint is the URL of an HTTP server. It is shown without its query, which may hold a
// key.
type endpoint struct{ dst *string }

func (v endpoint) is() string {
	return "`http://HOST` or `https://HOST`, with port, path and query as needed"
}

func (v endpoint) read(d *decoder, n *yaml.Node, _ string) {
	s, ok := scalar(d, n, "an URL", "!!str")
	if !ok {
		return
	}
	if err := deliver.CheckURL(s); err != nil {
		d.fail(n, "%v", err)
		return
	}
	*v.dst = s
}

func (v endpoint) schema() map[string]any {
	return map[string]any{"type": "string", "pattern": "^https?://[^/?#@]+(/[^#]*)?([?][^#]*)?$"}
}

func (v endpoint) show() string {
	s, _, _ := strings.Cut(*v.dst, "?")
	return s
}

// headers is a mapping from the names of HTTP headers to texts, which nothing here ever
// shows.
type headers struct{ dst *map[string]string }

var (
	headerForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	headerText = regexp.MustCompile(`^[ -~]{0,1000}$`)
	// ownHeaders are those that the output sets itself, in lower case.
	ownHeaders = []string{"authorization", "content-type", "content-encoding", "content-length", "host", "transfer-encoding", "connection"}
)

func (v headers) is() string { return "a mapping from the name of a header to a text" }

func (v headers) read(d *decoder, n *yaml.Node, _ string) {
	if n.Kind != yaml.MappingNode {
		d.want(n, "a mapping")
		return
	}
	read := map[string]string{}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, e := n.Content[i], n.Content[i+1]
		if !d.plain(k) || !d.plain(e) {
			continue
		}
		name := strings.ToLower(k.Value)
		text, ok := scalar(d, e, "a text", "!!str", "!!int", "!!float", "!!bool")
		switch {
		case k.Kind != yaml.ScalarNode || !headerForm.MatchString(k.Value):
			d.fail(k, "want the name of a header: letters, digits and -")
		case name == "authorization":
			d.fail(k, "a secret does not belong into a policy: use `authorization_file`")
		case slices.Contains(ownHeaders, name):
			d.fail(k, "the output sets this header itself")
		case seen[name] > 0:
			d.fail(k, "this header stands here twice; it was first given in line %d", seen[name])
		case ok && !headerText.MatchString(text):
			d.fail(e, "want a text of one line")
		case ok:
			read[k.Value], seen[name] = text, k.Line
		}
	}
	*v.dst = read
}

func (v headers) schema() map[string]any {
	return map[string]any{
		"type": "object", "additionalProperties": false,
		"patternProperties": map[string]any{headerForm.String(): map[string]any{"type": []string{"string", "number", "boolean"}}},
	}
}

func (v headers) show() string { return strings.Join(slices.Sorted(maps.Keys(*v.dst)), ", ") }

// listen is an address to listen on, or off.
type listen struct{ dst *string }

const listenPattern = `^(off|.+:[0-9]{1,5})$`

func (v listen) is() string { return "`HOST:PORT`, such as `127.0.0.1:2021`, or `off`" }

func (v listen) read(d *decoder, n *yaml.Node, _ string) {
	const what = "HOST:PORT with the address of a host, such as 127.0.0.1:2021, or off"
	s, ok := scalar(d, n, what, "!!str")
	if !ok {
		return
	}
	if _, err := netip.ParseAddrPort(s); err != nil && s != MetricsOff {
		d.fail(n, "want %s", what)
		return
	}
	*v.dst = s
}

func (v listen) schema() map[string]any {
	return map[string]any{"type": "string", "pattern": listenPattern, "default": *v.dst}
}

func (v listen) show() string { return *v.dst }

// lintFluentBit reports what the section says that does not fit together.
func (p *Policy) lintFluentBit(d *decoder) {
	o := &p.FluentBit.Output
	const at = "fluent_bit.output"
	for _, t := range outputTypes {
		if place, there := d.places[at+"."+string(t)]; there && t != o.Type {
			d.failAt(place, "`%s` is for the type %s", t, t)
		}
	}
	if place, there := d.places[at+".json"]; there && !o.writesJSON() {
		d.failAt(place, "`json` is for the types http, file and stdout")
	}
	if _, there := d.places[at]; there && o.Type == "" {
		d.failAt(d.places[at], "`type` is missing here: where do records go?")
	}
	missing := func(key string) { d.failAt(d.places[at], "the type %s needs `%s.%s`", o.Type, o.Type, key) }
	switch {
	case o.Type == OutputForward && len(o.Forward.Targets) == 0:
		missing("targets")
	case o.Type == OutputHTTP && o.HTTP.URL == "":
		missing("url")
	case o.Type == OutputFile && o.File.Path == "":
		missing("path")
	}
	if k := o.JSON.TimeKey; k != "" && k == o.JSON.TagKey {
		d.failAt(d.places[at+".json.tag_key"], "`time_key` and `tag_key` are the same")
	}
	f := &o.Forward
	if (f.User == "") != (f.PasswordFile == "") {
		d.failAt(d.places[at+".forward"], "`user` and `password_file` go together")
	} else if f.User != "" && f.SharedKeyFile == "" {
		d.failAt(d.places[at+".forward.user"], "`user` needs `shared_key_file`: without one there is no handshake")
	}
	encrypted := slices.ContainsFunc(f.Targets, func(t deliver.Target) bool { return t.TLS })
	lintTLS(d, f.TLS, at+".forward", encrypted, "a target tls://")
	lintTLS(d, o.HTTP.TLS, at+".http", strings.HasPrefix(o.HTTP.URL, "https:"), "an URL https://")
}

func lintTLS(d *decoder, f TLSFiles, at string, encrypted bool, needs string) {
	if (f.ClientCert == "") != (f.ClientKey == "") {
		d.failAt(d.places[at], "`client_cert` and `client_key` go together")
	}
	for _, key := range []string{"ca_file", "server_name", "client_cert", "client_key"} {
		if place, there := d.places[at+"."+key]; there && !encrypted {
			d.failAt(place, "`%s` needs %s", key, needs)
		}
	}
}

func (o *Output) writesJSON() bool {
	return o.Type == OutputHTTP || o.Type == OutputFile || o.Type == OutputStdout
}

// Warnings returns what the policy may say but should not without a reason, a sentence
// for each.
func (p *Policy) Warnings() []string {
	var w []string
	o := &p.FluentBit.Output
	if a, err := netip.ParseAddrPort(p.FluentBit.Metrics.Listen); err == nil && !a.Addr().IsLoopback() {
		w = append(w, "fluent_bit.metrics.listen is not a loopback address: whoever reaches it reads the counts")
	}
	for _, t := range o.Forward.Targets {
		if t.Open() {
			w = append(w, "fluent_bit.output.forward: "+t.String()+" is another machine, without TLS: what is sent can be read and changed on the way")
		}
	}
	if deliver.OpenURL(o.HTTP.URL) {
		w = append(w, "fluent_bit.output.http: the URL is another machine, without TLS: what is sent can be read and changed on the way")
	}
	if o.Type == OutputNull {
		w = append(w, "fluent_bit.output: the type null keeps nothing")
	}
	return w
}

// showFluentBit writes what is in force of the section.
func (p *Policy) showFluentBit(row func(key, value string)) {
	o := &p.FluentBit.Output
	if o.Type == "" {
		return
	}
	where := string(o.Type)
	switch o.Type {
	case OutputForward:
		where += " to " + targets{&o.Forward.Targets}.show()
	case OutputHTTP:
		where += " to " + endpoint{&o.HTTP.URL}.show()
	case OutputFile:
		where += " " + p.beside(o.File.Path)
	}
	row("fluent_bit.output", where)
	row("fluent_bit.output.timeout", formatDuration(o.Timeout))
	row("fluent_bit.metrics.listen", p.FluentBit.Metrics.Listen)
}

func (p *Policy) tlsFiles(f TLSFiles) deliver.TLSFiles {
	return deliver.TLSFiles{CA: p.beside(f.CAFile), Cert: p.beside(f.ClientCert), Key: p.beside(f.ClientKey), ServerName: f.ServerName}
}

// Deliverer builds what takes redacted records to their destination.
func (p *Policy) Deliverer() (deliver.Deliverer, error) {
	o := &p.FluentBit.Output
	switch o.Type {
	case OutputForward:
		f := &o.Forward
		return deliver.NewForward(deliver.ForwardOptions{
			Targets: f.Targets, TLS: p.tlsFiles(f.TLS), Timeout: o.Timeout, Hostname: f.Hostname,
			SharedKeyFile: p.beside(f.SharedKeyFile), User: f.User, PasswordFile: p.beside(f.PasswordFile),
			Gzip: f.Gzip, Fluentd: f.Fluentd,
		})
	case OutputHTTP:
		h := &o.HTTP
		return deliver.NewHTTP(deliver.HTTPOptions{
			URL: h.URL, TLS: p.tlsFiles(h.TLS), Timeout: o.Timeout, Headers: h.Headers,
			AuthorizationFile: p.beside(h.AuthorizationFile), Gzip: h.Gzip, JSON: o.JSON,
		})
	case OutputFile:
		return deliver.NewFile(deliver.FileOptions{
			Path: p.beside(o.File.Path), Mode: fileMode, Sync: o.File.Sync, Timeout: o.Timeout, JSON: o.JSON,
		})
	case OutputStdout:
		return deliver.NewLines(os.Stdout, o.JSON, o.Timeout)
	case OutputNull:
		return deliver.Null{}, nil
	}
	return nil, errors.New("the policy has no fluent_bit.output: say where records go")
}
