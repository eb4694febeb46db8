package detectors

import (
	"strconv"
	"strings"
)

// callingCode bounds the national number behind a country calling code, in digits.
type callingCode struct {
	min uint8 // the shortest; 0 means that the code is not assigned
	max uint8 // the longest of ordinary subscribers
	top uint8 // the longest of all, service numbers included
}

// callingCodes lists the assigned codes of ITU-T E.164 as code:min-max-top. The bounds are
// those of the possible lengths in the metadata of Google's libphonenumber (9.0), without
// numbers that are dialled locally only. A few minima and maxima are drawn closer, because
// the plan allows very short or very long numbers that hardly exist: a number and its
// code have at least eight digits where the plan has such, and no national number has
// more than 13.
const callingCodes = "" +
	"1:10-10-10 7:10-10-10 20:8-10-10 27:6-9-10 30:10-10-12 31:9-9-11 32:8-9-9 33:9-9-9 " +
	"34:9-9-9 36:8-9-9 39:6-11-12 40:6-9-9 41:9-9-9 43:6-11-13 44:9-10-10 45:8-8-8 " +
	"46:7-9-10 47:8-8-8 48:7-9-10 49:6-11-13 51:8-9-9 52:10-10-10 53:6-8-10 54:10-11-11 " +
	"55:10-11-11 56:9-9-11 57:8-10-11 58:10-10-10 60:8-10-10 61:9-9-12 62:7-12-13 " +
	"63:6-10-13 64:8-10-10 65:8-8-11 66:8-9-13 81:9-10-13 82:6-10-13 84:9-10-10 86:7-11-12 " +
	"90:10-10-13 91:10-10-13 92:9-10-12 93:9-9-9 94:9-9-9 95:6-10-10 98:6-10-10 211:9-9-9 " +
	"212:9-9-9 213:8-9-9 216:8-8-8 218:9-9-9 220:7-9-9 221:9-9-9 222:8-8-8 223:8-8-8 " +
	"224:8-9-9 225:10-10-10 226:8-8-8 227:8-8-8 228:8-8-8 229:10-10-10 230:7-8-10 " +
	"231:7-9-9 232:8-8-8 233:9-9-9 234:10-10-12 235:8-8-8 236:8-8-8 237:9-9-9 238:7-7-7 " +
	"239:7-7-7 240:9-9-9 241:7-8-8 242:9-9-9 243:7-9-10 244:9-9-9 245:9-9-9 246:7-7-7 " +
	"247:5-5-6 248:7-7-7 249:9-9-9 250:8-9-9 251:9-9-9 252:6-9-9 253:8-8-8 254:7-9-10 " +
	"255:9-9-9 256:9-9-9 257:8-8-8 258:8-9-9 260:9-9-9 261:9-9-9 262:9-9-9 263:9-9-10 " +
	"264:8-9-9 265:7-9-9 266:8-8-8 267:7-8-10 268:8-8-9 269:7-7-7 290:5-5-5 291:7-7-7 " +
	"297:7-7-7 298:6-6-6 299:6-6-6 350:8-8-8 351:9-9-9 352:5-9-11 353:7-10-10 354:7-9-9 " +
	"355:8-9-9 356:8-8-8 357:8-8-8 358:5-10-12 359:6-9-12 370:8-8-8 371:8-8-8 372:7-8-10 " +
	"373:8-8-8 374:8-8-8 375:9-9-11 376:6-9-9 377:8-9-9 378:8-10-10 380:9-9-10 381:7-9-12 " +
	"382:8-8-9 383:8-9-12 385:8-9-9 386:8-8-8 387:8-9-9 389:8-8-8 420:9-9-9 421:6-9-9 " +
	"423:7-9-9 500:5-5-5 501:7-7-11 502:8-8-11 503:8-8-11 504:8-8-11 505:8-8-8 506:8-8-10 " +
	"507:7-8-11 508:6-9-9 509:8-8-8 590:9-9-9 591:8-8-9 592:7-7-7 593:8-9-11 594:9-9-9 " +
	"595:7-9-11 596:9-9-9 597:6-7-7 598:8-8-12 599:7-8-8 670:7-8-8 672:6-6-6 673:7-7-7 " +
	"674:7-7-7 675:7-8-8 676:5-7-7 677:5-7-7 678:5-7-7 679:7-7-11 680:7-7-7 681:6-6-9 " +
	"682:5-5-5 683:5-7-7 685:5-10-10 686:5-8-8 687:6-6-6 688:5-7-7 689:8-8-9 690:5-7-7 " +
	"691:7-7-7 692:7-7-7 800:8-8-8 808:8-8-8 850:8-10-10 852:8-8-11 853:8-8-8 855:8-9-10 " +
	"856:8-10-10 870:9-9-12 878:12-12-12 880:6-10-10 881:9-10-10 882:7-12-12 883:8-12-12 " +
	"886:8-9-11 888:11-11-11 960:7-7-10 961:7-8-8 962:8-9-9 963:8-9-9 964:8-10-10 " +
	"965:8-8-8 966:9-9-10 967:7-9-9 968:8-8-9 970:8-9-10 971:8-9-12 972:8-9-12 973:8-8-8 " +
	"974:8-8-11 975:7-8-8 976:8-10-10 977:8-10-11 979:9-9-9 992:9-9-9 993:8-8-8 994:9-9-9 " +
	"995:9-9-9 996:9-9-10 998:9-9-9"

// callingCodeTable is callingCodes by number.
var callingCodeTable = func() (t [1000]callingCode) {
	for entry := range strings.FieldsSeq(callingCodes) {
		code, bounds, _ := strings.Cut(entry, ":")
		var v [3]uint8
		for i, s := range strings.Split(bounds, "-") {
			n, _ := strconv.Atoi(s)
			v[i] = uint8(n)
		}
		n, _ := strconv.Atoi(code)
		t[n] = callingCode{v[0], v[1], v[2]}
	}
	return t
}()

// callingCodeAt returns the number of digits of the calling code at b[at:] and its bounds.
// No code begins another, so the first that fits is the one. It returns 0 for none.
func callingCodeAt(b []byte, at int) (int, callingCode) {
	n := 0
	for k := 1; k <= 3 && at+k <= len(b); k++ {
		d := b[at+k-1] - '0'
		if d > 9 || n == 0 && d == 0 {
			break
		}
		n = n*10 + int(d)
		if c := callingCodeTable[n]; c.min > 0 {
			return k, c
		}
	}
	return 0, callingCode{}
}
