package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// A shape says what a JSON value looks like: "string", "int" or "bool"; a list of one shape; or an object's members, of
// which those whose name ends with "?" may be absent.
type shape any

type object map[string]shape

var (
	placeShape = object{"file": "string", "line": "int", "column": "int", "message": "string"}

	findingShape = object{
		"rule": "string", "severity": "string", "domain": "string", "name": "string", "type": "string",
		"message": "string", "help": "string", "reference": "string",
		"file": "string", "line": "int", "column": "int", "end_line": "int", "end_column": "int",
		"related": []shape{placeShape}, "fixable": "bool", "new": "bool", "also?": []shape{"string"},
	}
	notCheckedShape = object{"domain": "string", "rules": []shape{"string"}, "reason": "string"}

	// What --format json prints, by the name that stories give to it.
	shapes = map[string]shape{
		"lint": object{
			"schema": "int", "findings": []shape{findingShape}, "not_checked": []shape{notCheckedShape},
			"summary": object{"domains": "int", "records": "int", "error": "int", "warning": "int", "info": "int", "suppressed": "int"},
		},
		"errors": object{"schema": "int", "errors": []shape{object{
			"file": "string", "line": "int", "column": "int", "message": "string", "help": "string",
		}}},
		"plan": object{
			"schema": "int", "base": object{"kind": "string", "ref?": "string", "commit?": "string", "note?": "string"}, "digest": "string",
			"findings": []shape{findingShape}, "not_checked": []shape{notCheckedShape},
			"domains": []shape{object{
				"name": "string", "tag?": "string",
				"changes": []shape{object{
					"action": "string", "name": "string", "type": "string", "ttl": "int", "ttl_before?": "int", "before": []shape{"string"}, "after": []shape{"string"},
				}},
				"effects": []shape{object{
					"kind": "string", "name": "string", "message": "string", "exact": "bool", "prefixes": []shape{"string"},
					"addresses": "int", "terms": []shape{"string"}, "before": "string", "after": "string",
				}},
				"rotation": []shape{object{}}, "waiting": []shape{object{}},
			}},
			"summary": object{"domains_changed": "int", "create": "int", "change": "int", "delete": "int"},
		},
		"verify": object{
			"schema": "int", "skipped": object{},
			"domains": []shape{object{
				"name": "string", "tag?": "string", "error": "string", "note?": "string",
				"record_sets": []shape{object{
					"name": "string", "type": "string", "verdict": "string", "what?": "string", "declared": []shape{"string"},
					"answers": []shape{object{"data": []shape{"string"}, "text": "string", "as_declared": "bool", "servers": []shape{"string"}}},
					"file":    "string", "line": "int", "column": "int",
				}},
				"mta_sts": []shape{object{
					"name": "string", "url": "string", "verdict": "string", "message": "string", "file": "string", "line": "int", "column": "int",
				}},
				"servers": []shape{object{
					"server": "string", "problem": "string", "message": "string", "questions": "int", "of": "int", "harmless": "bool",
				}},
			}},
			"summary": object{
				"as_declared": "int", "wrong": "int", "missing": "int", "differs": "int", "undeclared": "int", "unconfirmed": "int", "servers": "int",
			},
		},
		"tree": object{
			"schema": "int", "name": "string", "lookups": "int", "complete": "bool",
			"void_lookups":  object{"certain": "int", "ipv4": "int", "ipv6": "int", "possible": "int"},
			"dynamic_terms": "int", "result": "string", "problems": []shape{"string"}, "tree": treeShape(12),
		},
		"check": object{
			"schema": "int", "result": "string", "mechanism": "string", "path": []shape{"string"}, "lookups": "int",
			"reason?": "string", "explanation?": "string",
		},
		"rules": object{"schema": "int", "rules": []shape{object{
			"id": "string", "severity": "string", "summary": "string", "reference": "string",
		}}},
	}
)

func treeShape(depth int) shape {
	term := object{"term": "string", "lookups": "int"}
	if depth > 0 {
		term["tree?"] = treeShape(depth - 1)
	}
	return object{"name": "string", "record": "string", "terms": []shape{term}}
}

// json SHAPE FILE asserts that a file is one JSON value of that shape: every member there, none beside them.
func cmdJSON(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 || shapes[args[0]] == nil {
		ts.Fatalf("usage: json SHAPE FILE")
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(ts.ReadFile(args[1]))))
	dec.UseNumber()
	var v any
	ts.Check(dec.Decode(&v))
	if dec.More() {
		ts.Fatalf("more than one value")
	}
	if m, ok := v.(map[string]any); !ok || m["schema"] != json.Number("1") {
		ts.Fatalf("schema is not 1")
	}
	ts.Check(conforms(v, shapes[args[0]], "$"))
}

func conforms(v any, s shape, at string) error {
	wrong := func() error { return fmt.Errorf("%s: %v (%T) is no %v", at, v, v, s) }
	switch s := s.(type) {
	case string:
		switch x := v.(type) {
		case string:
			if s != "string" {
				return wrong()
			}
		case bool:
			if s != "bool" {
				return wrong()
			}
		case json.Number:
			if _, err := x.Int64(); s != "int" || err != nil {
				return wrong()
			}
		default:
			return wrong()
		}
	case []shape:
		list, ok := v.([]any)
		if !ok {
			return wrong() // null is no list
		}
		for i, e := range list {
			if err := conforms(e, s[0], fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case object:
		m, ok := v.(map[string]any)
		if !ok {
			return wrong()
		}
		left := maps.Clone(m)
		for _, key := range slices.Sorted(maps.Keys(s)) {
			name, optional := strings.CutSuffix(key, "?")
			e, ok := left[name]
			delete(left, name)
			if !ok {
				if optional {
					continue
				}
				return fmt.Errorf("%s lacks %s", at, name)
			}
			if err := conforms(e, s[key], at+"."+name); err != nil {
				return err
			}
		}
		for name := range left {
			return fmt.Errorf("%s has %s, which nobody described", at, name)
		}
	default:
		return fmt.Errorf("%s: no such shape: %T", at, s)
	}
	return nil
}
