package zone

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gobwas/glob"
)

// A Glob is a pattern of dnscontrol's IGNORE(), compiled as dnscontrol does it: there are no separators, so "*" reaches
// over dots. It is safe for concurrent use.
type Glob struct{ g glob.Glob }

// Limits on what is compiled: gobwas/glob takes time and memory that grow faster than the pattern. No label is longer
// than a name.
const (
	maxGlob      = MaxName
	maxWildcards = 16
)

// CompileGlob compiles a pattern, and refuses what is none or what takes too long to compile. The library panics on some patterns,
// in which dnscontrol would end.
func CompileGlob(pattern string) (g *Glob, err error) {
	switch n := strings.Count(pattern, "*") + strings.Count(pattern, "{") + strings.Count(pattern, ","); {
	case len(pattern) > maxGlob:
		return nil, fmt.Errorf("pattern of %d octets, the limit is %d", len(pattern), maxGlob)
	case n > maxWildcards:
		return nil, fmt.Errorf("pattern with %d wildcards and alternatives, the limit is %d", n, maxWildcards)
	}
	if !closed(pattern) {
		return nil, errMalformed // the library takes some of these, and panics when it matches
	}
	defer func() {
		if recover() != nil {
			g, err = nil, errMalformed
		}
	}()
	compiled, err := glob.Compile(pattern)
	if err != nil {
		return nil, errMalformed
	}
	return &Glob{compiled}, nil
}

var errMalformed = errors.New("malformed pattern")

// closed tells whether every brace is closed and holds something, and no backslash stands at the end.
func closed(pattern string) bool {
	depth := 0
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			if i++; i == len(pattern) {
				return false
			}
		case '{':
			depth++
			if strings.HasPrefix(pattern[i:], "{}") {
				return false
			}
		case '}':
			if depth--; depth < 0 {
				return false
			}
		}
	}
	return depth == 0
}

// Match tells whether the pattern matches the whole of s. Should the library panic, it says that it does: what matches is
// left to others, so that nothing is concluded from it.
func (g *Glob) Match(s string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = true
		}
	}()
	return g.g.Match(s)
}
