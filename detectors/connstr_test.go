package detectors

import (
	"bytes"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestConnStr(t *testing.T) {
	detectortest.Run(t, connstr{}, conformance("connstr"))
}

func TestConnStrFloods(t *testing.T) { testFloods(t, connstr{}, connstrFloods) }

var connstrFloods = []string{"password", "password=", "pwd=", "password=a ", "pwd=a;", "jdbc:", "jdbc:a=", "jdbc:oracle:thin:", "accountkey", "a:@tcp(", "@tcp(", ";password=;", "a=b;pwd=a ", "jdbc:oracle:thin:a/"}

func BenchmarkConnStr(b *testing.B) {
	b.Run("prose", func(b *testing.B) {
		benchmarkMatch(b, connstr{}, "the password is wrong", 4, redact.RejectOperator)
	})
	b.Run("plain", func(b *testing.B) {
		benchmarkMatch(b, connstr{}, "x password=abc end of it", 2, redact.RejectContext)
	})
	b.Run("accept", func(b *testing.B) {
		benchmarkMatch(b, connstr{}, "Server=x;Password=abc;Uid=u", 9, redact.Accepted)
	})
	benchmarkFloods(b, connstr{}, connstrFloods)
}

func FuzzConnStr(f *testing.F) {
	fuzzContract(f, connstr{}, func(v []byte) bool { return !bytes.ContainsAny(v, "\n") })
}
