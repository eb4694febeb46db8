package check

// AppendWhole appends the digits of the number s, which is written as programs write floating
// point numbers, 4.111111111111111E15 or 41111111111111110e-1, when it is a whole positive
// number of at most limit digits, of which the first is not 0. It reports whether it is.
func AppendWhole(dst, s []byte, limit int) ([]byte, bool) {
	n, i := len(dst), 0
	digits := func() {
		for i < len(s) && s[i]-'0' <= 9 {
			dst = append(dst, s[i])
			i++
		}
	}
	digits()
	if i == 0 || len(s) > maxWhole {
		return dst[:n], false
	}
	scale := 0
	if i < len(s) && s[i] == '.' {
		i++
		from := i
		digits()
		if scale = from - i; scale == 0 {
			return dst[:n], false
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		negative := i < len(s) && s[i] == '-'
		if negative || i < len(s) && s[i] == '+' {
			i++
		}
		exponent, from := 0, i
		for i < len(s) && s[i]-'0' <= 9 && i-from < 3 {
			exponent = exponent*10 + int(s[i]-'0')
			i++
		}
		if i == from {
			return dst[:n], false
		}
		if negative {
			exponent = -exponent
		}
		scale += exponent
	}
	for ; scale < 0 && len(dst) > n && dst[len(dst)-1] == '0'; scale++ {
		dst = dst[:len(dst)-1]
	}
	if i < len(s) || scale < 0 || len(dst) == n || dst[n] == '0' || len(dst)-n+scale > limit {
		return dst[:n], false
	}
	for range scale {
		dst = append(dst, '0')
	}
	return dst, true
}

// maxWhole is the length of the longest number that AppendWhole reads, in bytes.
const maxWhole = 48
