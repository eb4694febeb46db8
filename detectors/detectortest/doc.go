// Package detectortest is the conformance kit for detectors, ours and other people's.
//
// # What it asks for
//
// A detector comes with a conformance file, a text with one case a line in which the
// values are marked:
//
//	# Test numbers that card networks publish.
//	# mutate: digit
//	paid with «4111 1111 1111 1111» ok
//	order=4111111111111112
//	two\nlines, and a tab:\t«378282246310005»
//
// A line without marks is a negative: nothing in it may be found. Lines that begin with #
// are comments, blank lines are ignored, and every other byte of a line counts, trailing
// spaces included. The escapes are \n, \r, \t, \\ and \xHH, so that a case may hold many
// lines, NUL, invalid UTF-8, or the marks themselves (\xc2\xab and \xc2\xbb). A file needs
// at least one positive and one negative. Values must be synthetic.
//
// A comment of the form "# mutate: CLASS" holds for the cases after it. With digit, every
// digit inside a marked value is changed to each of the nine others; with alnum, so is
// every letter, to others of its case. The span may then not be found any more: it is how
// a file says that its values carry check digits which see every such change. Where some
// changes are legal, name them with [Valid]. With none, nothing is changed.
//
// # What it checks
//
// [Run] reports as test failures where a detector breaks the contract of
// [redact.Detector], or where the findings are not exactly the marked spans:
//
//   - The Spec is well formed.
//   - The findings are the marked spans, at each distance of 0 to 260 bytes from the start
//     of the text, behind a line of harmless text and behind spaces, and with a line after.
//   - With the text cut short or begun late at any byte, and asked about any byte at all,
//     Match does not panic, and every span it accepts lies in the text and within MaxLen.
//   - The law of anchors: a span that Match accepts, wherever it was asked, is the answer
//     to some candidate of the anchor too.
//   - A skip hint hides no candidate that would be accepted.
//   - What stands further than MaxLen from the anchor does not change the answer.
//   - Match changes no byte, allocates nothing, and answers twice the same.
//   - Values whose check digits are wrong are not found (see above).
//   - When the findings are replaced by masks, nothing is found in what results.
//   - [redact.Worker.Find] gives what [Oracle] gives, at every distance and cut; in text
//     that may be encoded, where the engine looks deeper, it gives at least that.
//
// [Contract] checks the same on texts of which nothing is known, for fuzz targets, apart
// from what should be found in them and what masks do.
//
// # The oracle
//
// [Oracle] finds what the engine should find by the most obvious means: at every byte it
// compares every literal and tries every shape with package regexp, asks Match, and
// resolves overlaps pair by pair. It is thousands of times slower than the engine and is
// meant to be read.
package detectortest
