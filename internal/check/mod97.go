package check

// Mod97 returns the remainder modulo 97 of s read as one number in which a digit stands
// for itself and a letter A to Z for 10 to 35, as ISO/IEC 7064 MOD 97-10 wants it. It is
// -1 for any other byte, lower-case letters included, and 0 for an empty s.
func Mod97(s []byte) int {
	return mod97(0, s)
}

// mod97 continues a remainder with the bytes of s.
func mod97(r int, s []byte) int {
	for _, c := range s {
		switch {
		case c-'0' <= 9:
			r = r*10 + int(c-'0')
		case c-'A' <= 25:
			r = r*100 + int(c-'A') + 10
		default:
			return -1
		}
		// r stays under 97*100+35, far from overflow.
		r %= 97
	}
	return r
}
