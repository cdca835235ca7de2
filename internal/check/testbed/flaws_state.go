package testbed

// stateFlaws answer as they should and keep the wrong state: only a probe sees
// them.
func stateFlaws() []Flaw { return nil }
