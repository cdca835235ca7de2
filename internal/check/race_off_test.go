//go:build !race

package check_test

const (
	bedSlowdown = 1
	bedParallel = "12"
)
