package engine_test

import (
	"testing"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/rules"
)

// TestSeverityOfEngineRules holds the rules that speak of the run to the severities that are promised for them: --fail-on counts by them.
func TestSeverityOfEngineRules(t *testing.T) {
	want := map[string]rules.Severity{
		"ignore-expired": rules.Warning,
		"ignore-unused":  rules.Warning,
		"rule-unknown":   rules.Error,
		"emit-unused":    rules.Error,
		"render-stale":   rules.Error,
		"lock-missing":   rules.Error,
		"lock-stale":     rules.Info,
		"zone-partial":   rules.Warning,
	}
	for _, r := range engine.Rules() {
		if s, ok := want[r.ID]; ok && r.Severity != s {
			t.Errorf("%s is declared %s, want %s", r.ID, r.Severity, s)
		}
		delete(want, r.ID)
	}
	for id := range want {
		t.Errorf("%s is not declared", id)
	}
}
