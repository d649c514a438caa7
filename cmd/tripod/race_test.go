//go:build race

package main

// raceDetector tells that the race detector is in the program: it needs many times the memory and time.
const raceDetector = true
