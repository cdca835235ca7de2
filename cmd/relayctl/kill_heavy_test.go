//go:build heavy

package main

const kills = 20 // of TestNoAnswered200IsLost
