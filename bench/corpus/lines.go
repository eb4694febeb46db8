package corpus

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// logs writes log lines in the shapes of many systems. A run of lines comes from one system, as in a file
// that a collector reads. The lines are rich in what makes scanners work in vain: timestamps, counters, hex
// ids, block ids, versions, addresses.
type logs struct {
	r    *rand.Rand
	at   time.Time
	kind int
	left int // lines still to come from this system
	buf  []byte
}

func newLogs(r *rand.Rand) *logs {
	return &logs{r: r, at: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
}

// line returns the next line without its line end; it is valid until the next call.
func (l *logs) line() []byte {
	if l.left == 0 {
		l.kind, l.left = l.r.IntN(len(systems)), between(l.r, 20, 400)
	}
	l.left--
	l.at = l.at.Add(time.Duration(l.r.IntN(400)) * time.Millisecond)
	l.buf = systems[l.kind](l, l.buf[:0])
	return l.buf
}

func (l *logs) time(layout string) string { return l.at.Format(layout) }
func (l *logs) n(least, most int) int     { return between(l.r, least, most) }
func (l *logs) hex(n int) string          { return chars(l.r, n, "0123456789abcdef") }
func (l *logs) uuid() string              { return uuid(l.r) }

// ip is in the private ranges that servers log of each other.
func (l *logs) ip() string {
	return fmt.Sprintf("10.%d.%d.%d", l.r.IntN(256), l.r.IntN(256), l.n(1, 254))
}

func uuid(r *rand.Rand) string {
	h := chars(r, 32, "0123456789abcdef")
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// systems are the shapes; each appends one line.
var systems = []func(l *logs, b []byte) []byte{
	func(l *logs, b []byte) []byte { // web access, combined format
		return fmt.Appendf(b, `%s - - [%s] "%s %s/%d?page=%d HTTP/1.1" %d %d "https://www.example.com%s" "%s"`,
			l.ip(), l.time("02/Jan/2006:15:04:05 -0700"), pick(l.r, "GET", "GET", "GET", "POST", "HEAD"), l.path(), l.n(1, 1e6), l.n(1, 40),
			[]int{200, 200, 200, 304, 404, 500}[l.r.IntN(6)], l.n(100, 90000), l.path(),
			pick(l.r, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
				"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15", "curl/8.7.1", "Go-http-client/2.0"))
	},
	func(l *logs, b []byte) []byte { // Log4j2 pattern layout
		return fmt.Appendf(b, "%s %-5s [http-nio-8080-exec-%d] %s - %s", l.time("2006-01-02 15:04:05,000"),
			pick(l.r, "INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"), l.n(1, 200), l.class(), l.sentence())
	},
	func(l *logs, b []byte) []byte { // Mule runtime
		return fmt.Appendf(b, "%-5s %s [[MuleRuntime].uber.%02d: [orders-api].%s.CPU_INTENSIVE @%s] [processor: %s/processors/%d; event: %s] org.mule.runtime.core.internal.processor.LoggerMessageProcessor: %s",
			pick(l.r, "INFO", "INFO", "WARN", "ERROR"), l.time("2006-01-02 15:04:05,000"), l.n(1, 64), l.flow(), l.hex(8), l.flow(), l.n(0, 12), l.uuid(), l.sentence())
	},
	func(l *logs, b []byte) []byte { // syslog, RFC 3164
		host := fmt.Sprintf("node-%02d", l.n(1, 40))
		switch l.r.IntN(4) {
		case 0:
			return fmt.Appendf(b, "%s %s sshd[%d]: Failed password for invalid user %s from %s port %d ssh2", l.time(time.Stamp), host, l.n(300, 32000), pick(l.r, "admin", "test", "oracle", "git"), l.ip(), l.n(1024, 65535))
		case 1:
			return fmt.Appendf(b, "%s %s kernel: [%d.%06d] %s: link becomes ready", l.time(time.Stamp), host, l.n(1, 99999), l.n(0, 999999), pick(l.r, "eth0", "veth"+l.hex(7), "docker0"))
		case 2:
			return fmt.Appendf(b, "%s %s systemd[1]: Started Session %d of user root.", l.time(time.Stamp), host, l.n(1, 99999))
		}
		return fmt.Appendf(b, "%s %s CRON[%d]: (root) CMD (test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.hourly; })", l.time(time.Stamp), host, l.n(300, 32000))
	},
	func(l *logs, b []byte) []byte { // HDFS
		return fmt.Appendf(b, "%s %d INFO dfs.%s: %s blk_%d %s /%s:%d dest: /%s:50010", l.time("060102 150405"), l.n(1, 9999),
			pick(l.r, "DataNode$DataXceiver", "FSNamesystem", "DataNode$PacketResponder"), pick(l.r, "Receiving block", "Served block", "Deleting block"),
			l.r.Int64N(1<<62)*int64(1-2*l.r.IntN(2)), "src:", l.ip(), l.n(30000, 60000), l.ip())
	},
	func(l *logs, b []byte) []byte { // Hadoop and Spark jobs
		return fmt.Appendf(b, "%s INFO [main] org.apache.hadoop.mapred.MapTask: attempt_%d_%04d_m_%06d_0 kvstart = %d; length = %d/6553600; %.2f%% done",
			l.time("2006-01-02 15:04:05,000"), l.at.UnixMilli(), l.n(1, 9999), l.n(0, 999999), l.n(0, 26214396), l.n(1, 9999999), l.r.Float64()*100)
	},
	func(l *logs, b []byte) []byte { // ZooKeeper
		return fmt.Appendf(b, "%s - %s  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@%d] - Closed socket connection for client /%s:%d which had sessionid 0x%s",
			l.time("2006-01-02 15:04:05,000"), pick(l.r, "INFO", "WARN"), l.n(100, 1100), l.ip(), l.n(30000, 60000), l.hex(15))
	},
	func(l *logs, b []byte) []byte { // OpenStack
		return fmt.Appendf(b, `nova-api.log.1.%s %s %d INFO nova.osapi_compute.wsgi.server [req-%s %s %s - - -] %s "GET /v2/%s/servers/detail HTTP/1.1" status: 200 len: %d time: %.7f`,
			l.time("2006-01-02_15:04:05"), l.time("2006-01-02 15:04:05.000"), l.n(1000, 32000), l.uuid(), l.hex(32), l.hex(32), l.ip(), l.hex(32), l.n(200, 3000), l.r.Float64())
	},
	func(l *logs, b []byte) []byte { // Kubernetes container log with the JSON of Docker
		return fmt.Appendf(b, `{"log":"%s %s %s\n","stream":"%s","time":"%s","kubernetes":{"pod_name":"orders-%s-%s","namespace_name":"prod","container_image":"registry.example.internal/orders:1.%d.%d","pod_id":"%s"}}`,
			l.time(time.RFC3339), pick(l.r, "INFO", "WARN"), l.sentence(), pick(l.r, "stdout", "stderr"), l.time(time.RFC3339Nano), l.hex(10), l.hex(5), l.n(0, 40), l.n(0, 20), l.uuid())
	},
	func(l *logs, b []byte) []byte { // klog
		return fmt.Appendf(b, `%s%s %7d %s.go:%d] "%s" pod="prod/orders-%s-%s" duration="%d.%03dms" err="context deadline exceeded"`,
			pick(l.r, "I", "W", "E"), l.time("0102 15:04:05.000000"), l.n(1, 9999), pick(l.r, "reconciler", "controller", "kubelet"), l.n(10, 2000),
			pick(l.r, "Synced", "Failed to sync pod", "Probe failed"), l.hex(10), l.hex(5), l.n(0, 900), l.n(0, 999))
	},
	func(l *logs, b []byte) []byte { // logfmt
		return fmt.Appendf(b, `ts=%s caller=%s.go:%d level=%s component=%s traceID=%s duration=%.4fms msg="%s"`, l.time("2006-01-02T15:04:05.000Z"),
			pick(l.r, "compact", "head", "metrics", "flush"), l.n(10, 900), pick(l.r, "info", "debug", "warn"), pick(l.r, "tsdb", "ingester", "querier"), l.hex(16), l.r.Float64()*900, l.sentence())
	},
	func(l *logs, b []byte) []byte { // load balancer
		return fmt.Appendf(b, `%s lb-1 haproxy[%d]: %s:%d [%s] http-in~ orders/node-%02d %d/0/%d/%d/%d %d %d - - ---- %d/%d/%d/0/0 0/0 "GET %s HTTP/1.1"`, l.time(time.Stamp), l.n(300, 32000),
			l.ip(), l.n(1024, 65535), l.time("02/Jan/2006:15:04:05.000"), l.n(1, 40), l.n(0, 9), l.n(0, 40), l.n(0, 900), l.n(0, 999), 200, l.n(100, 90000), l.n(1, 900), l.n(1, 900), l.n(1, 90), l.path())
	},
	func(l *logs, b []byte) []byte { // Android
		return fmt.Appendf(b, "%s %5d %5d %s %s: %s uid=%d token=android.os.BinderProxy@%s", l.time("01-02 15:04:05.000"), l.n(300, 32000), l.n(300, 32000),
			pick(l.r, "D", "I", "V", "W"), pick(l.r, "PowerManagerService", "WindowManager", "ActivityManager"), pick(l.r, "acquire lock", "release lock", "setSystemUiVisibility"), l.n(1000, 10999), l.hex(7))
	},
	func(l *logs, b []byte) []byte { // supercomputer console
		return fmt.Appendf(b, "- %d %s R%02d-M%d-N%X-C:J%02d-U%02d %s R%02d-M%d RAS KERNEL INFO instruction cache parity error corrected at 0x%s", l.at.Unix(), l.time("2006.01.02"),
			l.n(0, 77), l.n(0, 1), l.n(0, 15), l.n(2, 17), l.n(1, 11), l.time("2006-01-02-15.04.05.000000"), l.n(0, 77), l.n(0, 1), l.hex(8))
	},
	func(l *logs, b []byte) []byte { // Windows servicing
		return fmt.Appendf(b, "%s, Info                  CBS    Read out cached package applicability for package: Package_for_KB%d~%s~amd64~~6.1.1.%d, ApplicableState: %d, CurrentState:%d",
			l.time("2006-01-02 15:04:05"), l.n(1000000, 9999999), l.hex(16), l.n(0, 9), l.n(0, 112), l.n(0, 112))
	},
	func(l *logs, b []byte) []byte { // stack trace
		if l.r.IntN(6) == 0 {
			return fmt.Appendf(b, "%s ERROR %s - request failed\tjava.lang.IllegalStateException: %s", l.time("2006-01-02 15:04:05.000"), l.class(), l.sentence())
		}
		return fmt.Appendf(b, "\tat %s.%s(%s.java:%d) ~[orders-core-2.%d.%d.jar!/:2.%d]", l.class(), pick(l.r, "invoke", "run", "handle", "doFilter", "lambda$process$0"), pick(l.r, "OrderService", "Dispatcher", "FilterChain"), l.n(10, 900), l.n(0, 20), l.n(0, 20), l.n(0, 20))
	},
}

func (l *logs) path() string {
	return pick(l.r, "/api/v1/orders", "/static/js/main."+l.hex(8)+".js", "/filter/27|13%20MP,27|%DA%A9", "/image/"+l.hex(4)+"/productModel/200x200", "/health/ready", "/m/product/32574/62991")
}

func (l *logs) class() string {
	return pick(l.r, "com.acme.orders.OrderService", "com.acme.billing.InvoiceJob", "org.springframework.web.servlet.DispatcherServlet",
		"org.apache.kafka.clients.consumer.internals.ConsumerCoordinator", "org.hibernate.engine.jdbc.spi.SqlExceptionHelper", "o.a.c.c.C.[Tomcat].[localhost].[/]")
}

func (l *logs) flow() string {
	return pick(l.r, "orders-main", "get:\\orders:orders-config", "post:\\invoices:application\\json:orders-config", "sync-flow")
}

func (l *logs) sentence() string {
	switch l.r.IntN(8) {
	case 0:
		return fmt.Sprintf("Order %d accepted in %d ms", l.n(1, 9999999), l.n(1, 4000))
	case 1:
		return fmt.Sprintf("[Consumer clientId=consumer-%d, groupId=orders] Successfully joined group with generation %d", l.n(1, 9), l.n(1, 999))
	case 2:
		return fmt.Sprintf("correlationId=%s status=%s attempt=%d/%d", l.uuid(), pick(l.r, "OK", "RETRY", "PENDING"), l.n(1, 5), 5)
	case 3:
		return fmt.Sprintf("HikariPool-1 - Pool stats (total=%d, active=%d, idle=%d, waiting=%d)", l.n(1, 50), l.n(0, 50), l.n(0, 50), l.n(0, 9))
	case 4:
		return fmt.Sprintf("Flushed %d rows to segment %s in %d.%03d s (checksum %s)", l.n(1, 1e6), l.hex(12), l.n(0, 20), l.n(0, 999), l.hex(40))
	case 5:
		return fmt.Sprintf("Connection to %s:%d refused, will retry in %d seconds", l.ip(), l.n(1024, 65535), l.n(1, 60))
	case 6:
		return fmt.Sprintf("cache key %s expired after %ds; %d keys remain", l.hex(32), l.n(1, 9999), l.n(1, 99999))
	}
	return fmt.Sprintf("authentication of service account succeeded, api version 2.%d.%d, request took %dms", l.n(0, 30), l.n(0, 30), l.n(1, 900))
}
