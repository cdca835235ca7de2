//go:build !heavy

package check_test

// parallelTests: without the heavy tests, as many tests go on at once as there are processors.
const parallelTests = ""
