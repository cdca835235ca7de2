package check

// eventChecks is the group "event".
func eventChecks() []Check { return nil }
