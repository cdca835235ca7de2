package check

// loadChecks is the group "load".
func loadChecks() []Check { return nil }
