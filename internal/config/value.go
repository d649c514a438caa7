package config

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tripod-dns/tripod/internal/zone"
)

// value reads an expression. Only literals, lists of strings and ${domain} are accepted; hcl's evaluation is
// never called.
func (c *converter) value(d *attrDef, a *hclsyntax.Attribute) (v value, ok bool) {
	at := c.span(a.Expr.Range())
	v.at = at
	k := d.kind
	switch e := a.Expr.(type) {
	case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr:
		l, ok := c.str(e, k.hasDomain() || k == kindParam)
		if !ok {
			return v, false
		}
		v.lit = l
		v.typ = typeString
		switch {
		case k.isList():
			c.ps.add(at, fmt.Sprintf("%s is a list of strings, not a string", a.Name), "write "+a.Name+" = ["+c.shown(at)+"]")
			return v, false
		case k == kindInt || k == kindBool:
			help := ""
			if text := string(c.src[l.at.Start:l.at.End]); k == kindBool && (text == "true" || text == "false") || k == kindInt && isDigits(text) {
				help = fmt.Sprintf("write %s = %s, without quotes", a.Name, text)
			}
			c.ps.add(at, fmt.Sprintf("%s is a %s, not a string", a.Name, k), help)
			return v, false
		}
		return v, c.checkValue(d, a.Name, &v)
	case *hclsyntax.TupleConsExpr:
		if !k.isList() && k != kindParam {
			c.ps.add(at, fmt.Sprintf("%s is a %s, not a list", a.Name, k), "")
			return v, false
		}
		v.typ = typeList
		v.list = make([]lit, 0, len(e.Exprs))
		ok = true
		for _, x := range e.Exprs {
			switch x.(type) {
			case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr:
			default:
				c.ps.add(c.span(x.Range()), fmt.Sprintf("%s is a list of strings, this is no string", a.Name), "write it in double quotes")
				ok = false
				continue
			}
			l, good := c.str(x, k.hasDomain())
			if !good {
				ok = false
				continue
			}
			v.list = append(v.list, l)
		}
		return v, ok
	case *hclsyntax.LiteralValueExpr:
		return c.literal(d, a, e, v)
	case *hclsyntax.UnaryOpExpr:
		help := ""
		if k == kindInt {
			help = "it counts from 0"
		}
		c.ps.add(at, fmt.Sprintf("%s is a %s, without a sign or operator", a.Name, k), help)
	case *hclsyntax.ScopeTraversalExpr:
		c.ps.add(at, fmt.Sprintf("%s is no value", c.shown(at)), "strings stand in double quotes")
	case *hclsyntax.ObjectConsExpr:
		help := ""
		if d := defBlockNamed(a.Name); d != nil {
			help = fmt.Sprintf("%s is a block: write it without =", a.Name)
		}
		c.ps.add(at, "the language has no objects", help)
	default:
		c.ps.add(at, "the language has strings, whole numbers, booleans and lists of strings, nothing else", "write the value itself")
	}
	return v, false
}

func (c *converter) literal(d *attrDef, a *hclsyntax.Attribute, e *hclsyntax.LiteralValueExpr, v value) (value, bool) {
	k := d.kind
	switch {
	case e.Val.IsNull():
		c.ps.add(v.at, fmt.Sprintf("%s is null", a.Name), "leave the attribute out")
		return v, false
	case e.Val.Type() == cty.Bool:
		v.typ = typeBool
		v.b = e.Val.True()
		if k == kindBool || k == kindParam {
			return v, true
		}
	case e.Val.Type() == cty.Number:
		v.typ = typeNumber
		n, acc := e.Val.AsBigFloat().Int64()
		if acc != big.Exact || n < 0 || n == math.MaxInt64 {
			c.ps.add(v.at, fmt.Sprintf("%s: not a whole number that fits", a.Name), "")
			return v, false
		}
		v.num = n
		if k == kindInt && d.name == "ttl" && n > math.MaxInt32 {
			c.ps.add(v.at, fmt.Sprintf("a TTL of %d, the limit is %d (RFC 2181 §8)", n, math.MaxInt32), "")
			return v, false
		}
		if k == kindInt || k == kindParam {
			return v, true
		}
	}
	help := ""
	if !k.isList() && k != kindInt && k != kindBool {
		help = "write " + a.Name + ` = "` + c.shown(v.at) + `"`
	}
	c.ps.add(v.at, fmt.Sprintf("%s is a %s, not a %s", a.Name, k, [...]string{"string", "list", "number", "boolean"}[v.typ]), help)
	return v, false
}

// str reads a string expression. Its value is read from the source, so only the kinds of hcl's nodes matter.
func (c *converter) str(e hclsyntax.Expression, domain bool) (lit, bool) {
	at := c.span(e.Range())
	vars := 0
	switch e := e.(type) {
	case *hclsyntax.TemplateWrapExpr:
		if !isDomain(e.Wrapped) {
			c.badInterpolation(e.Wrapped)
			return lit{}, false
		}
		vars = 1
	case *hclsyntax.TemplateExpr:
		for _, p := range e.Parts {
			if _, ok := p.(*hclsyntax.LiteralValueExpr); ok {
				continue
			}
			if !isDomain(p) {
				c.badInterpolation(p)
				return lit{}, false
			}
			vars++
		}
	}
	if at.End-at.Start < 2 || c.src[at.Start] != '"' || c.src[at.End-1] != '"' {
		c.ps.add(at, "heredocs are not part of the language", "write a string in double quotes")
		return lit{}, false
	}
	l := lit{at: zone.Span{File: at.File, Start: at.Start + 1, End: at.End - 1}}
	return l, c.checkVars(&l, domain, vars)
}

// isDomain tells whether an expression is the one variable that there is.
func isDomain(e hclsyntax.Expression) bool {
	t, ok := e.(*hclsyntax.ScopeTraversalExpr)
	return ok && len(t.Traversal) == 1 && t.Traversal.RootName() == "domain"
}

func (c *converter) badInterpolation(e hclsyntax.Expression) {
	c.ps.add(c.span(e.Range()), "the only thing that ${} may hold is domain", "write ${domain}, or $${ for the characters ${")
}

func (c *converter) check(l *lit, domain bool) bool { return c.checkVars(l, domain, -1) }

// maxDomainVars keeps a short string from becoming a very long one.
const maxDomainVars = 100

func (c *converter) checkVars(l *lit, domain bool, want int) bool {
	src := c.src[l.at.Start:l.at.End]
	l.plain = true
	for _, b := range src {
		if b == '\\' || b == '$' || b == '%' {
			l.plain = false
			break
		}
	}
	if l.plain {
		return true
	}
	vars := 0
	pieces := 0
	var first piece
	err := scan(string(src), func(p piece) {
		pieces++
		if p.kind == pieceDomain {
			if vars++; vars == 1 {
				first = p
			}
		}
	})
	var bad *errString
	switch {
	case errors.As(err, &bad):
		c.ps.add(l.sub(bad.start, bad.end), bad.message, bad.help)
		return false
	case vars > maxDomainVars:
		c.ps.add(l.at, fmt.Sprintf("${domain} stands %d times in one string, the limit is %d", vars, maxDomainVars), "")
		return false
	case vars > 0 && !domain:
		c.ps.add(l.sub(first.start, first.end), "${domain} has no value here", "write the name itself")
		return false
	case want >= 0 && vars != want:
		c.ps.add(l.at, "the string can be read in two ways", "write each $ or % before a { twice, and no third")
		return false
	}
	l.plain = pieces <= 1 && vars == 0 && err == nil && !strings.ContainsAny(string(src), `\`) && !strings.Contains(string(src), "${") && !strings.Contains(string(src), "%{")
	return true
}

// checkValue looks at strings that are more than text.
func (c *converter) checkValue(d *attrDef, name string, v *value) bool {
	if d.values == nil && (d.kind == kindText || d.kind == kindWord || d.kind == kindParam) {
		return true
	}
	at := v.lit.at
	text := string(c.src[at.Start:at.End])
	if !v.lit.plain {
		text = plainText(text)
	}
	if at.Start == at.End {
		at = v.at
	}
	if d.values != nil {
		for _, w := range d.values {
			if text == w {
				return true
			}
		}
		help := "it is one of " + strings.Join(d.values, ", ")
		if s := wrongValue(name, text, d.values); s != "" {
			help = fmt.Sprintf("did you mean %q? ", s) + help
		}
		c.ps.add(at, fmt.Sprintf("%q is no value of %s", text, name), help)
		return false
	}
	switch d.kind {
	case kindDate:
		if t, err := time.Parse(time.DateOnly, text); err != nil || t.Year() < 1 {
			c.ps.add(at, fmt.Sprintf("%q is no date", text), `write "YYYY-MM-DD"`)
			return false
		}
	case kindTime:
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			c.ps.add(at, fmt.Sprintf("%q is no time", text), `write "YYYY-MM-DDThh:mm:ssZ" (RFC 3339)`)
			return false
		}
	case kindDuration:
		if _, err := parseDuration(text); err != nil {
			c.ps.add(at, fmt.Sprintf("%q is no duration", text), `write a number and a unit: "90d", "48h", "30m"`)
			return false
		}
	}
	return true
}

// parseDuration reads a whole number with a unit: w, d, h, m, s. A day is 24 hours.
func parseDuration(s string) (time.Duration, error) {
	unit := map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
	if len(s) < 2 || len(s) > 7 || !isDigits(s[:len(s)-1]) || unit[s[len(s)-1]] == 0 {
		return 0, fmt.Errorf("%q is no duration", s)
	}
	n := 0
	for _, c := range s[:len(s)-1] {
		n = n*10 + int(c-'0')
	}
	if u := unit[s[len(s)-1]]; n <= int(math.MaxInt64/u) {
		return time.Duration(n) * u, nil
	}
	return 0, fmt.Errorf("%q is too long", s)
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// shown is source text, cut where it is long.
func (c *converter) shown(at zone.Span) string {
	s := string(c.src[at.Start:at.End])
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[:i] + "…"
	}
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return s
}
