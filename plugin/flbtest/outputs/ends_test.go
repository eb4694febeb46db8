package outputs

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// authority certifies localhost, and itself.
type authority struct {
	pem       []byte // the certificate
	file, key string // that, and its key, as files
	tls       *tls.Config
}

func newAuthority(t *testing.T, dir string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{file: filepath.Join(dir, "ca.pem"), key: filepath.Join(dir, "key.pem")}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, a.file, string(a.pem))
	write(t, a.key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.pem)
	a.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: roots, MinVersion: tls.VersionTLS12}
	return a
}

// freePort returns a port of the loopback interface that nobody listens at.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// service starts a program that serves until the test is over, and waits for its port.
func service(t *testing.T, port int, cmd *exec.Cmd) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for range 1800 { // a node in Java takes its time
		select {
		case <-ended:
			t.Fatalf("%s has ended\n%s", cmd.Path, &out)
		case <-time.After(100 * time.Millisecond):
		}
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatalf("%s does not listen", cmd.Path)
}

// tool returns a program that this module brings.
func tool(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "tool", "-n", name).Output()
	if err != nil {
		t.Fatalf("building %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// classPath returns what a folder's pom.xml asks for.
func classPath(t *testing.T, folder string) string {
	t.Helper()
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s, which %s needs", program, folder)
		}
	}
	out := filepath.Join(t.TempDir(), "path")
	if text, err := exec.Command("mvn", "-q", "-B", "-f", folder+"/pom.xml", "dependency:build-classpath", "-Dmdep.outputFile="+out).CombinedOutput(); err != nil {
		t.Fatalf("mvn: %v\n%s", err, text)
	}
	return string(read(t, out))
}

// gate is a server with TLS before an end that has none. It keeps what comes through it.
type gate struct {
	port int
	kept [][2]string // the settings besides host and port

	mu   sync.Mutex
	came bytes.Buffer
}

// newGate opens one. route puts the path of the end in the place of that of Fluent Bit;
// a request that it does not want is answered 403.
func newGate(t *testing.T, w *world, to int, route func(*http.Request) bool) *gate {
	t.Helper()
	g := &gate{kept: [][2]string{{"tls.ca_file", w.file}}}
	target := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", to)}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		fmt.Fprintf(g, "%s %s %v\n", r.Method, r.URL, r.Header)
		plain, err := unzip(body)
		if err != nil {
			t.Errorf("a body that cannot be read: %v", err)
		}
		_, _ = g.Write(plain)
		if !route(r) {
			t.Errorf("a request that is not as it should be: %s %s", r.Method, r.URL)
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	s.TLS = w.tls.Clone()
	s.StartTLS()
	t.Cleanup(s.Close)
	g.port = s.Listener.Addr().(*net.TCPAddr).Port
	return g
}

// unzip returns what was compressed, or what was not as it is.
func unzip(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte("\x1f\x8b")) {
		return b, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// Write keeps what came.
func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.came.Write(b)
}

func (g *gate) settings() [][2]string {
	return append([][2]string{{"host", "localhost"}, {"port", strconv.Itoa(g.port)}}, g.kept...)
}

func (g *gate) wire(*testing.T) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return bytes.Clone(g.came.Bytes())
}

// numbered returns the strings in decoded JSON that begin as lines do; JSON in a string is
// looked into.
func numbered(v any) []string {
	switch v := v.(type) {
	case string:
		var in any
		if strings.HasPrefix(v, "n=") {
			return []string{v}
		} else if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &in) == nil {
			return numbered(in)
		}
	case map[string]any:
		var all []string
		for _, e := range v {
			all = append(all, numbered(e)...)
		}
		return all
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, numbered(e)...)
		}
		return all
	}
	return nil
}

// jsonLines returns the lines of a log in documents one behind the other.
func jsonLines(t *testing.T, b []byte) []string {
	t.Helper()
	var all []string
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var v any
		if err := d.Decode(&v); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // it may be cut while it is written
			return all
		} else if err != nil {
			t.Fatalf("no JSON: %v", err)
		}
		all = append(all, numbered(v)...)
	}
}

func get(t *testing.T, address string, query url.Values) []byte {
	t.Helper()
	r, err := http.PostForm(address, query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v %s", address, r.StatusCode, err, b)
	}
	return b
}

// victoria is a store of logs that speaks many protocols.
type victoria struct {
	*gate
	port int
}

func startVictoria(t *testing.T, w *world, route func(*http.Request) bool) *victoria {
	v := &victoria{port: freePort(t)}
	service(t, v.port, exec.Command(tool(t, "victoria-logs"), fmt.Sprintf("-httpListenAddr=127.0.0.1:%d", v.port), "-storageDataPath="+t.TempDir()))
	v.gate = newGate(t, w, v.port, route)
	return v
}

func (v *victoria) lines(t *testing.T) []string {
	return jsonLines(t, get(t, fmt.Sprintf("http://127.0.0.1:%d/select/logsql/query", v.port), url.Values{"query": {"*"}, "limit": {"1000000"}}))
}

// under routes a path to the same one under a prefix.
func under(r *http.Request, path, prefix string) bool {
	ok := r.URL.Path == path && r.Method == http.MethodPost
	r.URL.Path = prefix + r.URL.Path
	return ok
}

// signedIn reports whether a request names the user of the configuration for Elasticsearch.
func signedIn(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	return user == "es-user" && password == "es-password"
}

func startElasticsearch(t *testing.T, w *world) end {
	return startVictoria(t, w, func(r *http.Request) bool {
		r.URL.RawQuery = "_time_field=@timestamp&_msg_field=log"
		return signedIn(r) && under(r, "/_bulk", "/insert/elasticsearch")
	})
}

func startLoki(t *testing.T, w *world) end {
	return startVictoria(t, w, func(r *http.Request) bool { return under(r, "/loki/api/v1/push", "/insert") })
}

func startSplunk(t *testing.T, w *world) end {
	return startVictoria(t, w, func(r *http.Request) bool {
		return r.Header.Get("Authorization") == "Splunk splunk-token" && under(r, "/services/collector/event", "")
	})
}

func startOpenTelemetry(t *testing.T, w *world) end {
	return startVictoria(t, w, func(r *http.Request) bool { return under(r, "/v1/logs", "/insert/opentelemetry") })
}

type openSearch struct {
	*gate
	port int
}

func startOpenSearch(t *testing.T, w *world) end {
	path := classPath(t, "opensearch")
	o := &openSearch{port: freePort(t)}
	cmd := exec.Command("java", "-Xmx512m", "-cp", path, "opensearch/Node.java", t.TempDir(), strconv.Itoa(o.port))
	if _, err := cmd.StdinPipe(); err != nil { // open until the test is over
		t.Fatal(err)
	}
	service(t, o.port, cmd)
	o.gate = newGate(t, w, o.port, func(r *http.Request) bool { return signedIn(r) && under(r, "/_bulk", "") })
	return o
}

func (o *openSearch) lines(t *testing.T) []string {
	base := fmt.Sprintf("http://127.0.0.1:%d/", o.port)
	get(t, base+"_refresh", nil)
	r, err := http.Get(base + "app-*/_search?size=10000&track_total_hits=true")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return jsonLines(t, b)
}

// s3 keeps each object as a file.
type s3 struct {
	*gate
	dir string
}

func startS3(t *testing.T, w *world) end {
	s := &s3{dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.dir, "redacted-logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	service(t, port, exec.Command(tool(t, "versitygw"), "--access", "s3-access", "--secret", "s3-secret-key", "--region", "eu-central-1",
		"--port", fmt.Sprintf("127.0.0.1:%d", port), "--quiet", "posix", "--sidecar", t.TempDir(), s.dir))
	s.gate = newGate(t, w, port, func(r *http.Request) bool {
		return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") && strings.HasPrefix(r.URL.Path, "/redacted-logs/")
	})
	return s
}

func (s *s3) settings() [][2]string {
	return append([][2]string{{"endpoint", fmt.Sprintf("https://localhost:%d", s.gate.port)}, {"upload_timeout", "3s"}}, s.kept...)
}

func (s *s3) lines(t *testing.T) []string {
	var all []string
	err := filepath.WalkDir(s.dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".gz") {
			return err
		}
		b, err := unzip(read(t, file))
		if err != nil {
			return nil //nolint:nilerr // an object that is being written
		}
		all = append(all, jsonLines(t, b)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// kafka is one node, of a version with KRaft.
type kafka struct {
	w    *world
	port int

	client *kgo.Client
	came   []string
	raw    bytes.Buffer
}

func startKafka(t *testing.T, w *world) end {
	path := classPath(t, "kafka")
	k := &kafka{w: w, port: freePort(t)}
	dir, control := t.TempDir(), freePort(t)
	both := filepath.Join(dir, "both.pem")
	write(t, both, string(read(t, w.key))+string(w.pem))
	conf := filepath.Join(dir, "server.properties")
	write(t, conf, fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=SSL://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=SSL://localhost:%[1]d
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SSL:SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=SSL
ssl.keystore.type=PEM
ssl.keystore.location=%[3]s
ssl.truststore.type=PEM
ssl.truststore.location=%[4]s
log.dirs=%[5]s
`, k.port, control, both, w.file, filepath.Join(dir, "data")))
	if out, err := exec.Command("java", "-cp", path, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", conf).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	service(t, k.port, exec.Command("java", "-Xmx512m", "-cp", path, "kafka.Kafka", conf))
	var err error
	k.client, err = kgo.NewClient(kgo.SeedBrokers(fmt.Sprintf("localhost:%d", k.port)), kgo.DialTLSConfig(w.tls), kgo.ConsumeTopics("redacted-logs"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(time.Second), kgo.MetadataMaxAge(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.client.Close)
	return k
}

func (k *kafka) settings() [][2]string {
	return [][2]string{{"brokers", fmt.Sprintf("localhost:%d", k.port)}, {"rdkafka.ssl.ca.location", k.w.file}}
}

func (k *kafka) lines(t *testing.T) []string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	k.client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
		k.came = append(k.came, jsonLines(t, r.Value)...)
		fmt.Fprintf(&k.raw, "%s %s %v\n", r.Key, r.Value, r.Headers)
	})
	return k.came
}

func (k *kafka) wire(*testing.T) []byte { return k.raw.Bytes() }

// stdout is where Fluent Bit itself writes.
type stdout struct{ w *world }

func startStdout(_ *testing.T, w *world) end { return stdout{w} }

func (s stdout) settings() [][2]string { return nil }

func (s stdout) wire(t *testing.T) []byte { return read(t, s.w.out) }

func (s stdout) lines(t *testing.T) []string { return printed(t, read(t, s.w.out)) }

// forward is another Fluent Bit, which prints.
type forward struct {
	port int
	out  string
	ca   string
}

func startForward(t *testing.T, w *world) end {
	f := &forward{port: freePort(t), out: filepath.Join(t.TempDir(), "out"), ca: w.file}
	conf := filepath.Join(t.TempDir(), "c.conf")
	write(t, conf, fmt.Sprintf(`[SERVICE]
    flush     0.2
    log_level warn
[INPUT]
    name          forward
    listen        127.0.0.1
    port          %d
    shared_key    forward-key
    self_hostname there
    tls           on
    tls.crt_file  %s
    tls.key_file  %s
[OUTPUT]
    name   stdout
    match  *
    format json_lines
`, f.port, w.file, w.key))
	run(t, w.receiver, conf, f.out)
	for range 100 {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", f.port), time.Second)
		if err == nil {
			_ = c.Close()
			return f
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the other Fluent Bit does not listen\n%s", read(t, f.out+".log"))
	return nil
}

func (f *forward) settings() [][2]string {
	return [][2]string{{"host", "localhost"}, {"port", strconv.Itoa(f.port)}, {"tls.ca_file", f.ca}}
}

func (f *forward) wire(t *testing.T) []byte { return read(t, f.out) }

func (f *forward) lines(t *testing.T) []string { return printed(t, read(t, f.out)) }

// printed returns the lines among what the output stdout prints.
func printed(t *testing.T, b []byte) []string {
	t.Helper()
	var all []string
	for l := range bytes.Lines(b) {
		if bytes.HasPrefix(l, []byte("{")) && bytes.HasSuffix(l, []byte("\n")) {
			all = append(all, jsonLines(t, l)...)
		}
	}
	return all
}

// face is that, for the output of the plugin.
type face struct{ *forward }

func startFace(t *testing.T, w *world) end { return &face{startForward(t, w).(*forward)} }

func (f *face) settings() [][2]string { return nil }

// policy names the end in the policy; the first target does not listen.
func (f *face) policy(t *testing.T, text string) string {
	for name, port := range map[string]int{"fluentd-1.example:24224": freePort(t), "fluentd-2.example:24224": f.port} {
		if !strings.Contains(text, name) {
			t.Fatalf("the policy does not name %s any more", name)
		}
		text = strings.Replace(text, name, fmt.Sprintf("localhost:%d", port), 1)
	}
	return text
}
