package scan

func (s *Scanner) stage1(w []byte) { s.stage1Generic(w) }

func (s *Scanner) run() { s.runGeneric() }
