package config

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A block is what was written, checked against the schema; hcl's tree is dropped once it is made.
type block struct {
	def    *blockDef
	kw     zone.Span // the block's type
	labels []label
	attrs  []attr // in the order of the schema, then as written
	blocks []*block
}

type label struct {
	text string
	at   zone.Span
}

type attr struct {
	def  *attrDef
	name zone.Span
	text string // the name, where the schema does not give it
	val  value
}

type value struct {
	at   zone.Span // the whole expression
	lit  lit       // strings
	list []lit     // lists
	num  int64     // whole numbers
	b    bool
	typ  valueType
}

type valueType uint8

const (
	typeString valueType = iota
	typeList
	typeNumber
	typeBool
)

func (b *block) attr(name string) *attr {
	if b == nil {
		return nil
	}
	for i := range b.attrs {
		if b.attrs[i].def.name == name {
			return &b.attrs[i]
		}
	}
	return nil
}

// at is where a block is pointed at: its first label, or its type where it has none.
func (b *block) at() zone.Span {
	if len(b.labels) > 0 {
		return b.labels[0].at
	}
	return b.kw
}

// parse turns a file into blocks. On any problem the result is nil.
func parse(f *file, def *blockDef, ps *problems) *block {
	before := len(*ps)
	if !guard(f.content, f.id, ps) {
		return nil
	}
	parsed, diags := hclsyntax.ParseConfig(f.content, "", hcl.InitialPos)
	if diags.HasErrors() {
		for i, d := range diags {
			if i >= maxDiagnostics {
				break
			}
			if d.Severity != hcl.DiagError {
				continue
			}
			addHCL(f, d, ps)
			if d.Summary == "Invalid multi-line string" {
				break // what follows is read inside out
			}
		}
		return nil
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		ps.add(zone.Span{File: f.id}, "not HCL's native syntax", "")
		return nil
	}
	c := converter{f: f, src: f.content, ps: ps}
	out := c.body(&block{def: def}, body)
	if len(*ps) > before {
		return nil
	}
	return out
}

// addHCL says in our words what hcl's parser found.
func addHCL(f *file, d *hcl.Diagnostic, ps *problems) {
	at := zone.Span{File: f.id}
	if d.Subject != nil {
		at = rangeSpan(f.id, *d.Subject)
	}
	size := uint32(len(f.content))
	at.Start, at.End = min(at.Start, size), min(max(at.Start, at.End), size)
	text := string(f.content[at.Start:at.End])
	rest := strings.TrimLeft(string(f.content[at.End:min(at.End+40, size)]), " \t")
	message, help := lowerFirst(d.Summary), d.Detail
	switch {
	case strings.HasPrefix(text, "“"), strings.HasPrefix(text, "”"), strings.HasPrefix(text, "„"):
		message, help = "typographic quotes", `write "`
	case strings.HasPrefix(text, "'"):
		message, help = "single quotes", `strings stand in double quotes: "`
	case strings.HasPrefix(text, "\n"), strings.HasPrefix(text, "\r\n"):
		at.End = at.Start
		message, help = "the string does not end on its line", `write " at its end, or \n for a line end in it`
	case text == "${":
		message, help = "a label is a plain string", "write the name itself; $${ stands for the characters ${"
	case strings.HasPrefix(text, `\`):
		message, help = "there is no escape "+text, escapeHelp
	case d.Summary == "Attribute redefined":
		message, help = text+" is set twice", "leave one of the two out"
	case d.Summary == "Argument or block definition required" && strings.HasPrefix(rest, ":"):
		message, help = fmt.Sprintf("%q after %s", ":", text), "write "+text+" = …"
	case d.Summary == "Invalid single-argument block definition":
		message, help = "a block on one line holds one attribute", "write each attribute on a line of its own"
	}
	ps.add(at, message, help)
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n < len(s) && unicode.IsUpper(rune(s[n])) { // an abbreviation
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

type converter struct {
	f   *file
	src []byte
	ps  *problems
}

func (c *converter) span(r hcl.Range) zone.Span { return rangeSpan(c.f.id, r) }

func (c *converter) body(out *block, body *hclsyntax.Body) *block {
	def := out.def
	found := 0
	if n := len(body.Attributes); n > 0 {
		out.attrs = make([]attr, 0, n)
	}
	for i := range def.attrs {
		d := &def.attrs[i]
		a := body.Attributes[d.name]
		if a == nil {
			if d.required {
				c.missing(out, d)
			}
			continue
		}
		found++
		c.attr(out, d, a)
	}
	if found < len(body.Attributes) {
		var rest []*hclsyntax.Attribute
		for name, a := range body.Attributes {
			if d := def.attr(name); d == nil || d == def.anyAttr {
				rest = append(rest, a)
			}
		}
		sort.Slice(rest, func(i, j int) bool { return rest[i].NameRange.Start.Byte < rest[j].NameRange.Start.Byte })
		for _, a := range rest {
			if def.anyAttr != nil {
				c.attr(out, def.anyAttr, a)
				continue
			}
			message, help := unknownAttr(def, a.Name)
			c.ps.add(c.span(a.NameRange), message, help)
		}
	}
	if len(body.Blocks) > 0 {
		out.blocks = make([]*block, 0, len(body.Blocks))
	}
	for _, b := range body.Blocks {
		if sub := c.block(def, b); sub != nil {
			out.blocks = append(out.blocks, sub)
		}
	}
	return out
}

func (c *converter) missing(b *block, d *attrDef) {
	c.ps.add(b.at(), fmt.Sprintf("%s needs %s", describe(b), d.name), fmt.Sprintf("%s is a %s: %s", d.name, d.kind, d.doc))
}

func (c *converter) attr(out *block, d *attrDef, a *hclsyntax.Attribute) {
	v, ok := c.value(d, a)
	if !ok {
		return
	}
	at := attr{def: d, name: c.span(a.NameRange), val: v}
	if d.name == "" {
		at.text = a.Name
	}
	out.attrs = append(out.attrs, at)
}

func (c *converter) block(parent *blockDef, b *hclsyntax.Block) *block {
	kw := c.span(b.TypeRange)
	def := parent.block(b.Type)
	if def == nil {
		message, help := unknownBlock(parent, b.Type)
		c.ps.add(kw, message, help)
		return nil
	}
	if len(b.Labels) != len(def.labels) {
		want := def.name
		for _, l := range def.labels {
			want += fmt.Sprintf(" %q", l)
		}
		at := kw
		if len(b.Labels) > len(def.labels) {
			at = c.span(b.LabelRanges[len(def.labels)])
		}
		c.ps.add(at, fmt.Sprintf("%s has %d label%s, not %d", def.name, len(def.labels), plural(len(def.labels)), len(b.Labels)), fmt.Sprintf("write %s { … }", want))
		return nil
	}
	out := &block{def: def, kw: kw}
	if len(b.Labels) > 0 {
		out.labels = make([]label, len(b.Labels))
	}
	for i, r := range b.LabelRanges {
		at := c.span(r)
		if c.src[at.Start] == '"' && at.End-at.Start >= 2 {
			at.Start++
			at.End--
		}
		l := lit{at: at}
		text := string(c.src[at.Start:at.End])
		if strings.ContainsAny(text, `\$%`) {
			if !c.check(&l, false) {
				return nil
			}
			var sb strings.Builder
			_ = scan(text, func(p piece) { // checked just now
				if p.kind == pieceExact {
					sb.WriteString(text[p.start:p.end])
				}
				sb.WriteString(p.text)
			})
			text = sb.String()
		}
		if strings.TrimSpace(text) == "" {
			c.ps.add(c.span(r), fmt.Sprintf("empty label of %s", def.name), fmt.Sprintf("it is the %s", strings.ToLower(def.labels[i])))
			return nil
		}
		out.labels[i] = label{text, at}
	}
	return c.body(out, b.Body)
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

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
