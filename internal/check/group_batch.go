package check

// batchChecks is the group "batch".
func batchChecks() []Check { return nil }
