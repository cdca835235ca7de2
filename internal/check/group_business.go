package check

// businessChecks is the group "business".
func businessChecks() []Check { return nil }
