package check

// securityChecks is the group "security".
func securityChecks() []Check { return nil }
