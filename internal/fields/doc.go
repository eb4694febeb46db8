// Package fields drops and renames members of JSON records, one record a line.
//
// It works on text that is redacted already, so that the keys that tell what a value is are
// there when values are looked for, and no reader of JSON ever sees one. A record in which
// nothing is dropped or renamed stays byte for byte as it was; another one is written anew:
// spaces between its parts go, escapes may be spelt differently, the order of members and
// the spelling of numbers stay. A line that is no JSON object stays as it was.
package fields
