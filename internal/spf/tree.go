package spf

import (
	"context"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Fault is why a name yields no SPF record to evaluate.
type Fault string

// What may be wrong with a name that check_host() comes to.
const (
	NoFault       Fault = ""
	FaultNoName   Fault = "no-name"   // it does not exist
	FaultNoRecord Fault = "no-record" // it has no SPF record
	FaultSeveral  Fault = "several"   // it has more than one
	FaultSyntax   Fault = "syntax"    // its record breaks the grammar
	FaultLoop     Fault = "loop"      // it stands above itself
	FaultBadName  Fault = "bad-name"  // no query can be made for it
	FaultDynamic  Fault = "dynamic"   // its name depends on the message
	FaultUnknown  Fault = "unknown"   // the answer is not at hand
	FaultFailed   Fault = "failed"    // the look-up failed
	FaultCut      Fault = "cut"       // not followed: the tree is too big already
)

// Missing tells whether the fault makes an include or redirect permerror because there is no record (RFC 7208
// §5.2, §6.1).
func (f Fault) Missing() bool { return f == FaultNoName || f == FaultNoRecord || f == FaultBadName }

// Broken tells whether receivers answer permerror at this place for certain.
func (f Fault) Broken() bool {
	return f.Missing() || f == FaultSeveral || f == FaultSyntax || f == FaultLoop
}

// Open tells whether nothing is known of what stands there, so counts are "at least".
func (f Fault) Open() bool {
	return f == FaultDynamic || f == FaultUnknown || f == FaultFailed || f == FaultCut
}

// A Voidness tells for which clients a term finds nothing (RFC 7208 §4.6.4).
type Voidness uint8

// For whom a term is void.
const (
	NotVoid      Voidness = iota
	VoidCertain           // for everybody
	VoidIPv4              // for IPv4 clients only
	VoidIPv6              // for IPv6 clients only
	VoidPossible          // a dynamic exists, which may find nothing
	VoidOpen              // an answer that decides it is not at hand
)

// A Void counts terms by their Voidness.
type Void struct{ Certain, IPv4, IPv6, Possible int }

// A Tree is the worst case of an evaluation: every term evaluated, nothing matching.
type Tree struct {
	Root    *Node
	Lookups int // terms that cost a look-up (§4.6.4)
	Void    Void
	Dynamic int // terms that depend on the message
	// Complete is false where Lookups is "at least": a target is dynamic or unknown, or the tree was cut.
	Complete bool
	// Result is PermError when a receiver would say so for clients of both families, None where the name has
	// no record, else "ok".
	Result  Code
	Faults  []*Node     // nodes with a Broken fault, in the order of evaluation; the root may be one
	MXLimit []*TermNode // mx terms whose target has more than ten names
	Missing []Question
}

// OK is the Result of a tree in which nothing is broken.
const OK Code = "ok"

// A Node is a record in the tree.
type Node struct {
	Name   zone.Name
	Answer zone.Answer
	// Record and Parsed are the SPF record, nil where there is none or several; Records are all of them.
	Record  *zone.Record
	Records []*zone.Record
	Parsed  *Record
	Fault   Fault
	Via     *TermNode // the include or redirect that leads here, nil at the root
	Terms   []*TermNode
	Lookups int // what the terms below cost together
	// Everyone tells that the record passes every client.
	Everyone bool
	// Ends is the term behind which nothing is evaluated, whatever the client: all, an include that passes
	// everyone, a broken target. Nil where there is none.
	Ends *TermNode
}

// A TermNode is a term in the tree.
type TermNode struct {
	Term *Term
	In   *Node
	// Lookups is what it costs, with all that it leads to.
	Lookups int
	// Own is its own part of that, Before what is used up when it is reached.
	Own, Before int
	// Reached is false where something before it ends the path: it costs nothing.
	Reached bool
	Void    Voidness
	// Dynamic tells that it depends on the message.
	Dynamic bool
	// Target is the expanded name, "" where that is not possible. A term with %{v} has another one for IPv6.
	Target, Target6 zone.Name
	// Status is what is known of an a, mx or exists target's existence for clients of IPv4.
	Status zone.Status
	// MXNames is the number of MX records of an mx target.
	MXNames int
	Tree    *Node // what an include or redirect leads to
	Tree6   *Node // the same for IPv6 clients, where the term has %{v}
}

// Top is the term of the root's own record that leads to the node, nil for the root itself.
func (n *Node) Top() *TermNode {
	if n.Via == nil {
		return nil
	}
	return n.Via.Top()
}

// Depth is the number of terms that lead to the node.
func (n *Node) Depth() int {
	d := 0
	for ; n.Via != nil; n = n.Via.In {
		d++
	}
	return d
}

// Top is the term of the root's own record that leads to the term: itself, if it stands there.
func (t *TermNode) Top() *TermNode {
	for t.In.Via != nil {
		t = t.In.Via
	}
	return t
}

// Walk calls f for the node and all below it, in the order in which they stand. It goes no deeper where f is false.
func (n *Node) Walk(f func(*Node) bool) {
	if !f(n) {
		return
	}
	for _, t := range n.Terms {
		if t.Tree != nil {
			t.Tree.Walk(f)
		}
		if t.Tree6 != nil {
			t.Tree6.Walk(f)
		}
	}
}

// WalkTerms calls f for all terms of the tree in the order of evaluation.
func (t *Tree) WalkTerms(f func(*TermNode)) { t.Root.walkTerms(f) }

func (n *Node) walkTerms(f func(*TermNode)) {
	each := func(t *TermNode) {
		f(t)
		if t.Tree != nil {
			t.Tree.walkTerms(f)
		}
		if t.Tree6 != nil {
			t.Tree6.walkTerms(f)
		}
	}
	var redirect *TermNode
	for _, t := range n.Terms {
		if t.Term.Kind == Redirect && redirect == nil {
			redirect = t
			continue
		}
		each(t)
	}
	if redirect != nil {
		each(redirect)
	}
}

// A tree that is beyond these bounds is followed no further: it is permerror long since.
const (
	maxTreeLookups = 100
	maxTreeTerms   = 10_000
)

type walker struct {
	*source
	tree  *Tree
	root  zone.Name
	terms int
	stop  bool // permerror for whoever gets here
}

// WalkTree evaluates the worst case of a name's record: every term, nothing matching (RFC 7208 §4.6.4). The
// sender is postmaster@name. The walk is bounded; the counts of a tree that is cut are "at least".
func WalkTree(ctx context.Context, lookup zone.Lookup, name zone.Name) *Tree {
	w := &walker{source: newSource(lookup), root: name, tree: &Tree{Complete: true, Result: OK}}
	w.tree.Root = w.node(ctx, name, nil)
	return w.finish()
}

// WalkRecord is WalkTree for a record that name has or may have, given as it stands.
func WalkRecord(ctx context.Context, lookup zone.Lookup, name zone.Name, rec *zone.Record, parsed *Record) *Tree {
	w := &walker{source: newSource(lookup), root: name, tree: &Tree{Complete: true, Result: OK}}
	f := &found{spf: []*zone.Record{rec}, parsed: parsed}
	f.answer = zone.Answer{Status: zone.Found, Records: f.spf, Owner: name}
	if len(parsed.Problems) > 0 {
		f.fault = FaultSyntax
	}
	w.records[name] = f
	w.tree.Root = w.node(ctx, name, nil)
	return w.finish()
}

func (w *walker) finish() *Tree {
	t := w.tree
	t.Missing = w.unanswered()
	switch v := t.Void; {
	case t.Root.Fault == FaultNoName || t.Root.Fault == FaultNoRecord || t.Root.Fault == FaultBadName:
		t.Result = None
	case len(t.Faults) > 0, len(t.MXLimit) > 0, t.Lookups > MaxLookups,
		v.Certain+v.IPv4 > MaxVoid && v.Certain+v.IPv6 > MaxVoid:
		t.Result = PermError
	}
	return t
}

// node walks one record.
func (w *walker) node(ctx context.Context, name zone.Name, via *TermNode) *Node {
	n := &Node{Name: name, Via: via}
	f := w.record(ctx, name)
	n.Answer, n.Fault, n.Parsed, n.Records = f.answer, f.fault, f.parsed, f.spf
	if len(f.spf) == 1 {
		n.Record = f.spf[0]
	}
	switch {
	case n.Fault.Broken():
		w.broken(n)
	case n.Fault.Open():
		w.tree.Complete = false
	}
	if n.Parsed == nil {
		return n
	}
	w.terms += len(n.Parsed.Terms)
	n.Terms = make([]*TermNode, len(n.Parsed.Terms))
	var redirect *TermNode
	hasAll := n.Parsed.All() != nil
	ended := false
	plain := true // no term before may give anything but pass
	var all4, all6 bool
	for i, t := range n.Parsed.Terms {
		tn := &TermNode{Term: t, In: n}
		n.Terms[i] = tn
		if t.Kind == Redirect && redirect == nil {
			redirect = tn
			continue
		}
		if n.Fault == NoFault && (t.Kind == Exp || t.Kind == Unknown) {
			tn.Reached, tn.Before = true, w.tree.Lookups // modifiers have no place in the order
			continue
		}
		if n.Fault != NoFault || ended || w.stop || !t.Kind.IsMechanism() {
			continue
		}
		w.term(ctx, tn)
		n.Lookups += tn.Lookups
		everyone := t.Kind == All || (tn.Tree != nil && tn.Tree.Everyone && (tn.Tree6 == nil || tn.Tree6.Everyone))
		if everyone || w.stop {
			ended = true
			n.Ends = tn
		}
		if t.Qualifier != '+' {
			plain = false
			continue
		}
		all4 = all4 || (t.Kind == IP4 && t.Prefix.Bits() == 0)
		all6 = all6 || (t.Kind == IP6 && t.Prefix.Bits() == 0)
		if plain && (everyone || (all4 && all6)) {
			n.Everyone = true
		}
	}
	if redirect != nil && !hasAll && !ended && !w.stop && n.Fault == NoFault {
		w.term(ctx, redirect)
		n.Lookups += redirect.Lookups
		if plain && redirect.Tree != nil && redirect.Tree.Everyone && (redirect.Tree6 == nil || redirect.Tree6.Everyone) {
			n.Everyone = true
		}
	}
	return n
}

func (w *walker) broken(n *Node) {
	w.tree.Faults = append(w.tree.Faults, n)
	w.stop = true
}

// term evaluates one term that is reached.
func (w *walker) term(ctx context.Context, tn *TermNode) {
	t := tn.Term
	tn.Reached, tn.Before, tn.Own = true, w.tree.Lookups, cost(t)
	w.tree.Lookups += tn.Own
	tn.Lookups = tn.Own
	if !t.Kind.Costs() {
		return
	}
	var dynamic, ok, ok6 bool
	tn.Target, dynamic, ok = t.target(tn.In.Name, w.root, false)
	ok6 = ok
	if t.familyDependent() && !dynamic {
		tn.Target6, _, ok6 = t.target(tn.In.Name, w.root, true)
		if tn.Target6 == tn.Target {
			tn.Target6 = ""
		}
	}
	if dynamic || t.Kind == PTR {
		tn.Dynamic = true
		w.tree.Dynamic++
	}
	cut := w.tree.Lookups > maxTreeLookups || w.terms > maxTreeTerms || ctx.Err() != nil
	switch t.Kind {
	case Include, Redirect:
		tn.Tree = w.below(ctx, tn, tn.Target, dynamic, ok, cut)
		if tn.Target6 != "" || ok6 != ok {
			spent, stopped := w.tree.Lookups, w.stop
			w.stop = false
			tn.Tree6 = w.below(ctx, tn, tn.Target6, dynamic, ok6, cut)
			// The worse of the two counts; both must be broken to end the path for everybody.
			w.stop = w.stop && stopped
			w.tree.Lookups = spent + max(0, tn.Tree6.Lookups-tn.Tree.Lookups)
			tn.Lookups += max(tn.Tree.Lookups, tn.Tree6.Lookups)
			return
		}
		tn.Lookups += tn.Tree.Lookups
	case A, MX, Exists:
		if cut {
			w.tree.Complete = false
			tn.Void = VoidOpen
			return
		}
		w.void(ctx, tn, dynamic, ok, ok6)
	}
}

// below walks what an include or redirect leads to.
func (w *walker) below(ctx context.Context, tn *TermNode, target zone.Name, dynamic, ok, cut bool) *Node {
	n := &Node{Name: target, Via: tn}
	switch {
	case dynamic:
		n.Fault = FaultDynamic
	case !ok:
		n.Fault = FaultBadName
	case cut:
		n.Fault = FaultCut
	default:
		for up := tn.In; ; up = up.Via.In {
			if up.Name == target {
				n.Fault = FaultLoop
			}
			if up.Via == nil {
				break
			}
		}
		if n.Fault == NoFault {
			return w.node(ctx, target, tn)
		}
	}
	if n.Fault.Broken() {
		w.broken(n)
	} else {
		w.tree.Complete = false
	}
	return n
}

// void finds out for whom a term finds nothing.
func (w *walker) void(ctx context.Context, tn *TermNode, dynamic, ok, ok6 bool) {
	if dynamic {
		if tn.Term.Kind == Exists {
			tn.Void = VoidPossible
			w.tree.Void.Possible++
		}
		return
	}
	target6 := tn.Target6
	if target6 == "" {
		target6 = tn.Target
	}
	v4, s4 := w.voidFor(ctx, tn, tn.Target, ok, false)
	v6, _ := w.voidFor(ctx, tn, target6, ok6, true)
	tn.Status = s4
	switch {
	case v4 == isOpen || v6 == isOpen:
		tn.Void = VoidOpen
	case v4 == isVoid && v6 == isVoid:
		tn.Void = VoidCertain
		w.tree.Void.Certain++
	case v4 == isVoid:
		tn.Void = VoidIPv4
		w.tree.Void.IPv4++
	case v6 == isVoid:
		tn.Void = VoidIPv6
		w.tree.Void.IPv6++
	}
	if tn.MXNames > MaxMX {
		w.tree.MXLimit = append(w.tree.MXLimit, tn)
	}
}

type voidState uint8

const (
	isFound voidState = iota
	isVoid
	isOpen
)

func stateOf(st zone.Status) voidState {
	switch st {
	case zone.Found:
		return isFound
	case zone.NoData, zone.NXDomain:
		return isVoid
	}
	return isOpen
}

func (w *walker) voidFor(ctx context.Context, tn *TermNode, target zone.Name, ok, v6 bool) (voidState, zone.Status) {
	if !ok {
		return isFound, zone.NXDomain // no query is made, so none is void
	}
	switch tn.Term.Kind {
	case Exists:
		st := w.has(ctx, target, dns.TypeA)
		return stateOf(st), st
	case A:
		st := w.has(ctx, target, addressType(v6))
		return stateOf(st), st
	}
	hosts, n, st := w.exchangers(ctx, target)
	tn.MXNames = max(tn.MXNames, n)
	if st != zone.Found {
		return stateOf(st), st
	}
	if n > MaxMX {
		return isFound, st // permerror before any address is asked for
	}
	out := isVoid
	for _, h := range hosts {
		switch stateOf(w.has(ctx, h, addressType(v6))) {
		case isFound:
			return isFound, st
		case isOpen:
			out = isOpen
		}
	}
	return out, st
}
