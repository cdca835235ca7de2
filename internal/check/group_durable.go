package check

// durableChecks is the group "durable".
func durableChecks() []Check { return durableEffects() }
