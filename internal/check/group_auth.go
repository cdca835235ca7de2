package check

// authChecks is the group "auth".
func authChecks() []Check { return nil }
