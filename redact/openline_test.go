package redact_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/iotest"

	"logveil/detectors"
	"logveil/redact"
)

// events are events of several lines with a key on one line and its value, hunter2abc, on
// another.
var events = []string{
	"{\n  \"user\": \"ada\",\n  \"password\":\n    \"hunter2abc\",\n  \"ok\": true\n}\n",
	"{\r\n  \"password\" :\r\n\r\n  \"hunter2abc\"\r\n}\r\n",
	"<login>\n  <password>\n    hunter2abc\n  </password>\n</login>\n",
	"<login>\n  <password>\n    <![CDATA[hunter2abc]]>\n  </password>\n</login>\n",
	"--xyz\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2abc\r\n--xyz--\r\n",
	"--xyz\nContent-Disposition: form-data; name=\"password\"\nContent-Type: text/plain; charset=utf-8\n\nhunter2abc\n--xyz--\n",
	"http-outgoing-0 >> \"Content-Disposition: form-data; name=\"password\"[\\r][\\n]\"\nhttp-outgoing-0 >> \"[\\r][\\n]\"\nhttp-outgoing-0 >> \"hunter2abc[\\r][\\n]\"\n",
	"http-outgoing-0 << \"  \"password\": [\\n]\"\nhttp-outgoing-0 << \"    \"hunter2abc\"[\\n]\"\n",
	"{\n  \"passwords\": [\n    \"x\",\n    \"\",\n    \"hunter2abc\"\n  ],\n  \"n\": 1\n}\n",
	"{\n  \"password\": {\n    \"kind\": \"plain\",\n    \"value\": \"hunter2abc\"\n  },\n  \"n\": 1\n}\n",
	"{\n  \"passwords\": [\n    {\n      \"n\": {\n        \"m\": 1\n      },\n      \"value\": [\n        \"x\",\n        \"hunter2abc\"\n      ]\n    }\n  ]\n}\n",
	"Message : failed\nPayload : {\n  \"customer\": {\n    \"password\":\n      \"hunter2abc\"\n  }\n}\n",
}

// The key of a value may stand on a line before it, wherever a stream is cut.
func TestKeyOnALineBefore(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	for _, event := range events {
		want := strings.ReplaceAll(event, "hunter2abc", "tok1_password_x")
		if got := redacted(e, event); got != want {
			t.Errorf("%q became %q, want %q", event, got, want)
			continue
		}
		for n := 1; n < len(event); n++ {
			var got bytes.Buffer
			if _, err := e.Copy(context.Background(), &got, &chunkReader{[]byte(event + event), n}, redact.CopyOptions{Workers: 1}); err != nil {
				t.Fatal(err)
			}
			if got.String() != want+want {
				t.Errorf("read by %d: %q became %q", n, event, got.String())
				break
			}
		}
		var got bytes.Buffer
		if _, err := e.Copy(context.Background(), &got, iotest.OneByteReader(strings.NewReader(strings.Repeat("x\n", 3)+event)), redact.CopyOptions{}); err != nil || got.String() != "x\nx\nx\n"+want {
			t.Errorf("byte by byte: %q became %q, %v", event, got.String(), err)
		}
	}
}

// What is masked for want of work, or for a panic, takes along what belongs to a key in it.
func TestMaskedKeyOnALineBefore(t *testing.T) {
	panics := word{name: "boom", lit: "boom", match: func([]byte, int) (redact.Span, redact.Reason) { panic("boom") }}
	// The costliest thing that a detector says of a candidate.
	busy := word{name: "busy", lit: "busy", match: func([]byte, int) (redact.Span, redact.Reason) { return redact.Span{}, redact.RejectRegular }}
	e := engine(t, redact.Options{Detectors: append(detectors.All(), panics, busy)})
	flood := strings.Repeat("busy ", 900)
	list := strings.Repeat("    \"hunter2abc\",\n", 500)
	for name, masked := range map[string]string{"boom": "boom", "a flood": flood} {
		for _, c := range []struct{ key, values, rest string }{
			{`"passwords": [`, list + "    \"x\"\n", "  ],\n"},
			{`"password":`, "  \"hunter2abc\",\n", ""},
			{`"password": {`, "  \"type\": \"plain\",\n  \"value\": \"hunter2abc\"\n", ""},
			{"<password>", "  hunter2abc\n", "</password>\n"},
		} {
			w := e.NewWorker()
			in := "one\n{ " + masked + " " + c.key + "\n" + c.values + c.rest + "end ada@example.com\n"
			got := string(w.Append(context.Background(), nil, []byte(in)))
			if strings.Contains(got, "hunter2") || !strings.HasSuffix(got, "end tok1_email_x\n") {
				t.Errorf("%s, %s: %.300q", name, c.key, got)
			}
			if s := w.Stats(); s.Failed+s.Unscanned == 0 {
				t.Errorf("%s, %s: nothing was masked", name, c.key)
			}
		}
	}
}
