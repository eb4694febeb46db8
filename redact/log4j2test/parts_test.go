package log4j2test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"strings"
)

// readers read a log as its readers do, by the extension of the file, and return what it
// holds in the order of the text: names, values and brackets.
var readers = map[string]func(text []byte) ([]string, error){
	".csv": csvParts,
	".html": func(text []byte) ([]string, error) {
		return strings.SplitAfter(html.UnescapeString(string(text)), ">"), nil
	},
	".json": jsonParts,
	".log":  func(text []byte) ([]string, error) { return strings.SplitAfter(string(text), "\n"), nil },
	".xml":  xmlParts,
}

func csvParts(text []byte) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	var out []string
	for _, fields := range records {
		out = append(append(out, fields...), "\n")
	}
	return out, err
}

func jsonParts(text []byte) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out []string
	for {
		t, err := d.Token()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprint(t))
	}
}

func xmlParts(text []byte) ([]string, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	var out []string
	for {
		t, err := d.Token()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			out = append(out, t.Name.Local)
			for _, a := range t.Attr {
				out = append(out, a.Name.Local, a.Value)
			}
		case xml.CharData:
			out = append(out, string(t))
		case xml.EndElement:
			out = append(out, "/"+t.Name.Local)
		}
	}
}
