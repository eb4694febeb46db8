package check

// Mod97 returns the remainder modulo 97 of s read as one number in which a digit stands
// for itself and a letter A to Z for 10 to 35, as ISO/IEC 7064 MOD 97-10 wants it. It is
// -1 for any other byte, lower-case letters included, and 0 for an empty s.
func Mod97(s []byte) int {
	return mod97(0, s)
}

// mod97 continues a remainder with the bytes of s. It divides only when the number at
// hand gets long: a division costs more than all the rest.
func mod97(r int, s []byte) int {
	n := uint64(r)
	for _, c := range s {
		switch {
		case c-'0' <= 9:
			n = n*10 + uint64(c-'0')
		case c-'A' <= 25:
			n = n*100 + uint64(c-'A') + 10
		default:
			return -1
		}
		if n >= 1<<56 {
			n %= 97
		}
	}
	return int(n % 97)
}
