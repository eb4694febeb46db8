package scan

// Implementation names the kernels in use.
func Implementation() string { return "portable" }

func (s *Scanner) stage1(w []byte) { s.stage1Generic(w) }

func (s *Scanner) run() {
	if s.t.fixed != nil {
		s.fixedAny = runFixed(s.planes, s.fixed, s.n)
		return
	}
	s.runGeneric()
}
