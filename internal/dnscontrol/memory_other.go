//go:build !unix

package dnscontrol

// limitMemory does nothing here: watchMemory is all there is.
func limitMemory(uint64) {}
