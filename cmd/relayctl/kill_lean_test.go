//go:build !heavy

package main

const kills = 2 // of TestNoAnswered200IsLost
