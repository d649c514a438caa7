package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFromFork(t *testing.T) {
	const (
		own  = `{"pull_request": {"head": {"repo": {"full_name": "a/b"}}, "base": {"repo": {"full_name": "a/b"}}}}`
		fork = `{"pull_request": {"head": {"repo": {"full_name": "x/b"}}, "base": {"repo": {"full_name": "a/b"}}}}`
		gone = `{"pull_request": {"head": {"repo": null}, "base": {"repo": {"full_name": "a/b"}}}}`
	)
	for _, tt := range []struct {
		event, payload string
		want           bool
	}{
		{"", "", false},
		{"push", fork, false},
		{"schedule", "", false},
		{"pull_request", own, false},
		{"pull_request", fork, true},
		{"pull_request", gone, true},
		{"pull_request", "", true},
		{"pull_request", "{", true},
		{"pull_request_target", fork, true},
		{"pull_request_review", own, false},
		{"workflow_run", `{"workflow_run": {"head_repository": {"full_name": "a/b"}}, "repository": {"full_name": "a/b"}}`, false},
		{"workflow_run", `{"workflow_run": {"head_repository": {"full_name": "x/b"}}, "repository": {"full_name": "a/b"}}`, true},
		{"workflow_run", `{"workflow_run": {"head_repository": null}, "repository": {"full_name": "a/b"}}`, true},
		{"issue_comment", `{"issue": {"pull_request": {"url": "…"}}}`, true},
		{"issue_comment", `{"issue": {}}`, false},
	} {
		path := filepath.Join(t.TempDir(), "event.json")
		if tt.payload != "" {
			if err := os.WriteFile(path, []byte(tt.payload), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		env := map[string]string{"GITHUB_EVENT_NAME": tt.event, "GITHUB_EVENT_PATH": path}
		a := &app{getenv: func(name string) string { return env[name] }}
		if got := a.fromFork(); got != tt.want {
			t.Errorf("%s %s: %v, want %v", tt.event, tt.payload, got, tt.want)
		}
	}
}
