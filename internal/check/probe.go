package check

// Probe reads the receiver's state of a customer from outside.
type Probe struct{}
