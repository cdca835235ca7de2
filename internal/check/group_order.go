package check

// orderChecks is the group "order".
func orderChecks() []Check { return nil }
