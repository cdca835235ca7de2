package check

// robustChecks is the group "robust".
func robustChecks() []Check { return nil }
