//go:build race

package check_test

// The race detector makes everything several times as slow: what must answer in
// time gets more of it, and less goes on at once.
const (
	bedSlowdown = 4
	bedParallel = "6"
)
