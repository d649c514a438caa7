package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// A run is short, and most of what it allocates is garbage of reading HCL. To collect that seldom saves a quarter of the time, so the heap may
// grow fivefold while it is small. Once that comes to more than roomy it may only double: five times what 10,000 domains keep would be
// hundreds of megabytes for no gain that can be measured.
const (
	smallPercent = 400
	largePercent = 100
	roomy        = 64 << 20 // octets
)

// tuneGC sets the garbage collector up, and adjusts it after each collection.
func tuneGC() {
	debug.SetGCPercent(smallPercent)
	afterGC(&token{})
}

// A token is found to be garbage once a collection. It is not empty, so that each is an object of its own.
type token struct{ _ *token }

func afterGC(t *token) {
	runtime.SetFinalizer(t, func(t *token) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		debug.SetGCPercent(gcPercent(live[0].Value.Uint64()))
		afterGC(t)
	})
}

// gcPercent is by how much a heap may grow before it is collected.
func gcPercent(live uint64) int {
	if live == 0 {
		return smallPercent
	}
	return min(smallPercent, max(largePercent, int((roomy-min(live, roomy))*100/live)))
}
