package main

import "testing"

func TestGCPercent(t *testing.T) {
	for _, tt := range []struct {
		live uint64
		want int
	}{
		{0, 400}, {1 << 10, 400}, {12 << 20, 400}, {16 << 20, 300}, {32 << 20, 100}, {64 << 20, 100}, {1 << 30, 100}, {1 << 62, 100},
	} {
		if got := gcPercent(tt.live); got != tt.want {
			t.Errorf("gcPercent(%d) = %d, want %d", tt.live, got, tt.want)
		}
	}
}
