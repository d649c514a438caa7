package config

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

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
	parsed, diags, err := parseHCL(f.content)
	if err != nil {
		ps.add(zone.Span{File: f.id}, err.Error(), "")
		return nil
	}
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

// parseHCL is the border to hcl's parser, which gives up by panicking when it has lost count of its own brackets
// (AssertEmptyIncludeNewlinesStack).
func parseHCL(src []byte) (file *hcl.File, diags hcl.Diagnostics, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, diags, err = nil, nil, fmt.Errorf("the HCL parser cannot read the file: %v", p)
		}
	}()
	file, diags = hclsyntax.ParseConfig(src, "", hcl.InitialPos)
	return file, diags, nil
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
	case d.Summary == "Invalid single-argument block definition" && isLineEnd(text):
		at.End = at.Start
		message, help = "the block is not closed on its line", "write } at its end, or each attribute on a line of its own"
	case d.Summary == "Invalid block definition" && isLineEnd(text):
		at.End = at.Start
		message, help = "the block does not begin on its line", "write { behind it, on the same line"
	case d.Summary == "Invalid expression" && isLineEnd(text):
		at.End = at.Start
		message, help = "there is no value", "write one behind the =, on the same line"
	case isLineEnd(text):
		at.End = at.Start
		message, help = "the string does not end on its line", `write " at its end, or \n for a line end in it`
	case d.Summary == "Argument definition required":
		word, _, _ := strings.Cut(text, " ")
		message, help = fmt.Sprintf("the block %s stands on the line of the block around it", word), "write it on a line of its own"
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

func isLineEnd(text string) bool {
	return strings.HasPrefix(text, "\n") || strings.HasPrefix(text, "\r\n")
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
