package check

// httpChecks is the group "http".
func httpChecks() []Check { return nil }
