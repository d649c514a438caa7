package dnscontrol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxCreds bounds creds.json, in bytes.
const maxCreds = 1 << 20

// readCreds reads creds.json as dnscontrol does, by provider name: with # and // comments and trailing commas, and values
// "$NAME" from the environment. Values that are no strings are left out. A file that is not there has no entries
// but dnscontrol's own, "none" and "bind". Programs that print credentials (dnscontrol's "!command") are not run
// here: only dnscontrol itself does that.
func readCreds(file string, env func(string) string) (map[string]map[string]string, error) {
	out := map[string]map[string]string{"none": {"TYPE": "NONE"}, "bind": {"TYPE": "BIND"}}
	src, err := readFile(file, maxCreds)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	var raw map[string]map[string]any
	if err := json.Unmarshal(plainJSON(src), &raw); err != nil {
		name := filepath.Base(file)
		if e := (*json.SyntaxError)(nil); errors.As(err, &e) {
			before := src[:min(max(int(e.Offset)-1, 0), len(src))]
			line := bytes.Count(before, []byte("\n")) + 1
			column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
			name = fmt.Sprintf("%s:%d:%d", name, line, column)
		}
		return nil, fmt.Errorf("read credentials: %s: %w", name, err)
	}
	for name, entry := range raw {
		values := make(map[string]string, len(entry))
		for k, v := range entry {
			s, ok := v.(string)
			if !ok {
				continue
			}
			if strings.HasPrefix(s, "$") {
				s = env(s[1:])
			}
			values[k] = s
		}
		out[name] = values
	}
	return out, nil
}

// plainJSON blanks out # and // comments and trailing commas; lines and columns stay.
func plainJSON(src []byte) []byte {
	out := append([]byte(nil), src...)
	comma := -1 // the last comma outside of strings with nothing but blanks behind it
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
			comma = -1
		case c == '#', c == '/' && i+1 < len(out) && out[i+1] == '/':
			for ; i < len(out) && out[i] != '\n'; i++ {
				out[i] = ' '
			}
		case c == ',':
			comma = i
		case c == '}' || c == ']':
			if comma >= 0 {
				out[comma] = ' '
			}
			comma = -1
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			comma = -1
		}
	}
	return out
}
