package dmarc

import "strings"

// A Policy is a Domain Owner Assessment Policy (RFC 9989 §4.7, tags p, sp and np), in the order of strength.
type Policy uint8

const (
	// Absent is no policy: the tag is not there, or DMARC does not apply at all.
	Absent Policy = iota
	// None asks for reports only.
	None
	// Quarantine asks receivers to be suspicious of mail that fails.
	Quarantine
	// Reject asks receivers to refuse mail that fails.
	Reject
)

func (p Policy) String() string {
	return [...]string{"absent", "none", "quarantine", "reject"}[p]
}

// Enforces tells whether the policy asks for anything to happen to mail that fails (RFC 9989 §3.2.9).
func (p Policy) Enforces() bool { return p >= Quarantine }

// Weaker is the policy one step weaker, which t=y asks for (RFC 9989 §4.7). None and Absent stay what they are.
func (p Policy) Weaker() Policy {
	if p.Enforces() {
		return p - 1
	}
	return p
}

// parsePolicy reads a policy's name in any case. ok is false for anything else.
func parsePolicy(s string) (p Policy, ok bool) {
	for p = None; p <= Reject; p++ {
		if strings.EqualFold(s, p.String()) {
			return p, true
		}
	}
	return Absent, false
}

// A PSD is the value of the psd tag (RFC 9989 §4.7).
type PSD uint8

const (
	// PSDUnset is "u", the default: the tree walk finds out.
	PSDUnset PSD = iota
	// PSDYes says that the name is a Public Suffix Domain.
	PSDYes
	// PSDNo says that the name is an Organizational Domain.
	PSDNo
)

// A Mode is an alignment mode, the value of adkim and aspf (RFC 9989 §4.4).
type Mode uint8

const (
	// Relaxed wants the same Organizational Domain. It is the default.
	Relaxed Mode = iota
	// Strict wants the same name.
	Strict
)
