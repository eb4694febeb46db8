package detectors_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"logveil/detectors"
	"logveil/redact"
)

// TestDenseRecordsAreSeen holds the bound on work against text that is full of people: all
// values of records without anything else are found, and no place is left unscanned.
func TestDenseRecordsAreSeen(t *testing.T) {
	e, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&in, `{"firstName":"Ada%c","lastName":"Secretson","dob":"1815-12-%02d","street":"%d Secret Street","city":"Secretham","ssn":"219-09-%04d","phone":"+1 212 555 %04d","email":"ada%d@secret.example"}`+"\n",
			'a'+i%26, 1+i%28, 1+i, 1+i, i, i)
	}
	w := e.NewWorker()
	out := w.Append(context.Background(), nil, in.Bytes())
	if n := w.Stats().Unscanned; n != 0 {
		t.Errorf("%d places unscanned", n)
	}
	if i := bytes.Index(bytes.ToLower(out), []byte("secret")); i >= 0 {
		t.Errorf("a value stays at %d", i)
	}
	for line := range strings.Lines(string(out)) {
		var record map[string]string
		if err := json.Unmarshal([]byte(line), &record); err != nil || len(record) != 8 {
			t.Fatalf("%s: %v", line, err)
		}
		for key, v := range record {
			if !strings.HasPrefix(v, "tok1_") {
				t.Fatalf("%s stays in %s", key, line)
			}
		}
	}
}
