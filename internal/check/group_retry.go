package check

// retryChecks is the group "retry".
func retryChecks() []Check { return nil }
