package dnscontrol

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// watchMemory calls over once the heap has grown beyond limit bytes: where the system has no limit to set, and to say
// so in words where it has.
func watchMemory(limit int64, over func()) {
	debug.SetMemoryLimit(limit)
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(20 * time.Millisecond) {
		metrics.Read(sample)
		if sample[0].Value.Uint64() > uint64(limit) { //nolint:gosec // a positive constant
			over()
			return
		}
	}
}
