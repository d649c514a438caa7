package main

import (
	"strings"
	"testing"
	"time"
)

// A drift of the machine in one round does not show: ratios are taken round by round.
func TestTable(t *testing.T) {
	run := func(cpu, wall time.Duration) cost { return cost{cpu: cpu, wall: wall, memory: 3 << 20} }
	a := &program{name: "a", runs: []cost{run(2*time.Second, time.Second), run(40*time.Second, 20*time.Second), run(2*time.Second, time.Second)}}
	b := &program{name: "b", runs: []cost{run(time.Second, time.Second), run(20*time.Second, 20*time.Second), run(20*time.Millisecond, time.Second)}}
	var out strings.Builder
	table(&out, []*program{a, b}, []*program{b})
	want := `| | CPU s | wall s | peak MiB | CPU / b | wall / b |
|---|---:|---:|---:|---:|---:|
| a | 2.00 | 1.00 | 3.0 | 2 | 1 |
| b | 1.00 | 1.00 | 3.0 | 1 | 1 |
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
