package check

// duplicateChecks is the group "duplicate".
func duplicateChecks() []Check { return nil }
