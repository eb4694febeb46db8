package check

// luhnDouble is the digit sum of twice a digit.
var luhnDouble = [10]uint8{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}

// Luhn reports whether s, a run of ASCII digits that ends in its check digit, satisfies
// the Luhn formula (ISO/IEC 7812-1, annex B). It is false for an empty s and for one that
// holds anything but digits. The formula finds every single wrong digit and every swap of
// neighbours but 09 and 90.
func Luhn(s []byte) bool {
	var sum uint
	double := false
	for i := len(s) - 1; i >= 0; i-- {
		d := s[i] - '0'
		if d > 9 {
			return false
		}
		if double {
			d = luhnDouble[d]
		}
		sum += uint(d)
		double = !double
	}
	return len(s) > 0 && sum%10 == 0
}
