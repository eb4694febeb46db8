package check

// ibanLens lists, country by country, the length of an IBAN in its compact form, from
// release 99 of the SWIFT IBAN registry.
const ibanLens = "" +
	"AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 " +
	"DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 " +
	"GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 " +
	"LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 " +
	"PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 " +
	"SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"

// ibanLensOther are countries outside the registry whose banks print numbers of the same
// making.
const ibanLensOther = "" +
	"AO25 BF28 BJ28 CF27 CG27 CI28 CM27 CV25 DZ26 GA27 GQ27 GW25 IR26 KM27 MA28 MG27 " +
	"ML28 MZ25 NE28 SN28 TD27 TG28"

// IBANMin and IBANMax bound the length of an IBAN in its compact form, in bytes.
const (
	IBANMin = 15
	IBANMax = 33
)

// ibanLen is indexed by the two letters of the country, 26*first + second.
var ibanLen = func() (t [26 * 26]uint8) {
	for _, list := range []string{ibanLens, ibanLensOther} {
		for i := 0; i < len(list); i += len("AD24 ") {
			e := list[i : i+4]
			t[int(e[0]-'A')*26+int(e[1]-'A')] = (e[2]-'0')*10 + e[3] - '0'
		}
	}
	return t
}()

// IBANLen returns the length of an IBAN of the country with the two upper-case letters a
// and b, in its compact form, or 0 when the country has none.
func IBANLen(a, b byte) int {
	a, b = a-'A', b-'A'
	if a > 25 || b > 25 {
		return 0
	}
	return int(ibanLen[int(a)*26+int(b)])
}

// IBAN reports whether s is an IBAN in its compact form: upper-case, without separators,
// of its country's length, with check digits that agree (ISO 13616-1). It does not look at
// the national structure behind the check digits.
func IBAN(s []byte) bool {
	if len(s) < IBANMin || len(s) != IBANLen(s[0], s[1]) {
		return false
	}
	// Check digits are 98 minus a remainder, so 00, 01 and 99 are never made, though they
	// would satisfy the congruence.
	if s[2]-'0' > 9 || s[3]-'0' > 9 {
		return false
	}
	if n := (s[2]-'0')*10 + s[3] - '0'; n < 2 || n > 98 {
		return false
	}
	r := mod97(0, s[4:])
	return r >= 0 && mod97(r, s[:4]) == 1
}
