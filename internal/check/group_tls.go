package check

// tlsChecks is the group "tls".
func tlsChecks() []Check { return nil }
