//go:build !race

package main

// underRace says that the race detector makes everything several times as slow.
const underRace = false

const testsAtOnce = "8"
