//go:build !race

package main

// raceDetector tells that the race detector is in the program.
const raceDetector = false
