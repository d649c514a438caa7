//go:build unix

package dnscontrol

import "syscall"

// limitMemory makes the system refuse more than twice the heap that is meant to be enough: the collector needs room
// of its own. Where the system knows no such limit, watchMemory is all there is.
func limitMemory(heap uint64) {
	limit := syscall.Rlimit{Cur: 2 * heap, Max: 2 * heap}
	if syscall.Setrlimit(syscall.RLIMIT_DATA, &limit) != nil {
		return
	}
}
