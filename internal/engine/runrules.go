package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/rules"
)

// The rules that speak of the run and not of a record: the engine reports them.
var (
	ignoreExpired = &rules.Rule{
		ID: "ignore-expired", Severity: rules.Warning, Summary: "A suppression is past its date: what it hid is back",
		Doc: "An `ignore` block says `until` when it holds. After that day it hides nothing.",
	}
	ignoreUnused = &rules.Rule{
		ID: "ignore-unused", Severity: rules.Warning, Summary: "An ignore block suppresses nothing",
		Doc: "What it once hid is mended, or its `at` or `term` does not say what was meant. Left in place it would hide the next mistake of its kind.\n\n" +
			"Not reported where the rule could not be checked.",
	}
	ruleUnknown = &rules.Rule{
		ID: "rule-unknown", Severity: rules.Error, Summary: "An ignore or lint block names a rule or parameter that does not exist, so it does nothing",
		Doc: "A misspelt rule would leave a finding that somebody meant to silence, or silence nothing at all.",
	}
	emitUnused = &rules.Rule{
		ID: "emit-unused", Severity: rules.Error, Whole: true, Summary: "No D() of dnsconfig.js takes the zone in: its records are never published",
		Doc: "With `emit = \"extend\"` the records of a definition go where `TRIPOD(\"zone\")` stands, inside the `D()` of that zone. Without it dnscontrol never sees them.",
	}
	renderStale = &rules.Rule{
		ID: "render-stale", Severity: rules.Error, Summary: "The committed dnscontrol files are not what the definitions render to",
		Doc: "What dnscontrol applies on merge is what stands in the rendered files. Until they are rendered anew, a change of the definitions changes nothing, " +
			"and a reviewer reads records that are not those that lint looked at.\n\nFix: `tripod render`, and commit what it writes.",
	}
	lockMissing = &rules.Rule{
		ID: "lock-missing", Severity: rules.Error, Summary: "A name that had to be resolved is not in the lock file",
		Doc: "Offline, third parties' answers come from `tripod.lock.json`. What it lacks is not checked, never guessed: an error when a rule of that severity " +
			"needed the answer, else a warning.\n\nFix: `tripod lock`, and commit what it writes.",
	}
	lockStale = &rules.Rule{
		ID: "lock-stale", Severity: rules.Info, Summary: "The lock file is old: third parties may have changed since",
		Doc: "Never counted for `--fail-on`. `tripod lock` refreshes it; `resolver { lock_max_age }` says what is old (30 days).",
	}
	zonePartial = &rules.Rule{
		ID: "zone-partial", Severity: rules.Warning, Whole: true, Summary: "The zone holds records that the definitions lack: push would delete them",
		Doc: "With `emit = \"zone\"` tripod owns the whole zone, and dnscontrol deletes what is in it and not in the definitions. Said by `plan` against what is " +
			"published: `--against zones:DIR`, `dns` or `provider`. What `ignore_records` names stays.",
	}
	spfFlattenStale = &rules.Rule{
		ID: "spf-flatten-stale", Severity: rules.Warning, Summary: "flatten rests on a stale lock file: a vendor's new senders fail", Reference: "RFC 7208 §4.6.4",
		Doc: "`flatten` publishes the addresses that a vendor had when the lock file was written. Once it is older than `resolver { lock_max_age }` (30 days), hosts that " +
			"the vendor has added since may be missing.\n\n`tripod lock` refreshes it.",
	}
	runRules = []*rules.Rule{spfFlattenStale, zonePartial, ignoreExpired, ignoreUnused, ruleUnknown, emitUnused, renderStale, lockMissing, lockStale}
)

func engineFinding(r *rules.Rule, f rules.Finding) rules.Finding {
	f.Rule, f.Reference = r.ID, r.Reference
	if f.Severity == rules.Default {
		f.Severity = r.Severity
	}
	return f
}

// runFindings are the findings about the run itself; partial those of a plan.
func (r *Repo) runFindings(s rules.Settings, missing []rules.Missing, partial []rules.Finding) ([]rules.Finding, error) {
	var out []rules.Finding
	add := func(rule *rules.Rule, f rules.Finding) {
		sev := s.Severity[rule.ID]
		if sev == rules.Off {
			return
		}
		f = engineFinding(rule, f)
		if sev != rules.Default {
			f.Severity = sev
		}
		out = append(out, f)
	}
	for _, f := range partial {
		add(zonePartial, f)
	}
	for _, d := range r.Config.Domains {
		if d.Emit == zone.EmitExtend && d.RestKnown && d.RestLacksTripod {
			add(emitUnused, rules.Finding{
				Domain: d.Name, Tag: d.Tag, Name: d.Name, At: d.At,
				Message: fmt.Sprintf("no D() of %s takes in TRIPOD(%q): the records of %s are never published", r.Config.Settings.DNSControl.Config, d.ID(), d.ID()),
				Help:    fmt.Sprintf("write TRIPOD(%q) inside the D() of that zone", d.ID()),
			})
		}
	}
	if r.Root != "" && r.Config.Settings.DNSControl.Emit != zone.EmitNone {
		stale, err := r.stale()
		if err != nil {
			return nil, err
		}
		if len(stale) > 0 {
			add(renderStale, rules.Finding{
				At: settingsPlace(r.Config), Message: staleMessage(stale), Help: "run tripod render, and commit what it writes",
			})
		}
	}
	for _, f := range r.lockFindings(missing) {
		add(lockMissing, f)
	}
	if r.lockThere && r.lock.Stale(r.opts.Now, r.Config.Settings.Resolver.LockMaxAge) {
		days := int(r.opts.Now.Sub(r.lock.Taken) / (24 * time.Hour))
		add(lockStale, rules.Finding{
			Message: fmt.Sprintf("%s is %d days old: third parties may have changed since", LockFile, days),
			Help:    "run tripod lock, and commit what it writes",
		})
		if r.mode == resolve.LockFirst { // else flatten has asked live DNS
			for _, f := range r.flattenStale(days) {
				add(spfFlattenStale, f)
			}
		}
	} else if differ := r.world.Differing(); r.lockThere && len(differ) > 0 {
		add(lockStale, rules.Finding{
			Message: fmt.Sprintf("live DNS answers otherwise than %s: %s", LockFile, first(differ, 3)),
			Help:    "run tripod lock, and commit what it writes",
		})
	}
	return out, nil
}

// enumerate is a list in words: "a", "a and b", "a, b and c".
func enumerate(list []string) string {
	if n := len(list) - 1; n > 0 {
		return strings.Join(list[:n], ", ") + " and " + list[n]
	}
	return strings.Join(list, "")
}

// first lists the first questions of a list.
func first(list []resolve.Question, n int) string {
	var out []string
	for _, q := range list[:min(n, len(list))] {
		out = append(out, q.String())
	}
	if more := len(list) - n; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

func staleMessage(stale []string) string {
	const shown = 3
	list := strings.Join(stale[:min(shown, len(stale))], ", ")
	if more := len(stale) - shown; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return "the rendered files are not what the definitions render to: " + list
}

// lockFindings are one finding for each name that is not at hand, at the first place that leads to it, as bad as the worst
// rule that needed it. Names that were asked and did not answer are no matter of the lock file, nor are those that the other half of a zone
// would tell about, if it were known: they are in "not checked".
func (r *Repo) lockFindings(missing []rules.Missing) []rules.Finding {
	type want struct {
		m     rules.Missing
		types []string
		rules []string
	}
	asked := map[string]bool{} // an address that only a provider knows is unknown too, and no lock file can say it
	for _, q := range r.world.Missing() {
		asked[q.String()] = true
	}
	byName := map[zone.Name]*want{}
	var order []zone.Name
	for _, m := range missing {
		if m.Failed || !asked[m.Name.FQDN()+" "+zone.TypeName(m.Type)] {
			continue
		}
		if z, ok := r.index.ZoneOf(m.Name); ok && z.Domain.Emit == zone.EmitExtend && !z.Domain.RestKnown {
			continue
		}
		w := byName[m.Name]
		if w == nil {
			w = &want{m: m}
			byName[m.Name] = w
			order = append(order, m.Name)
		}
		w.m.Severity = max(w.m.Severity, m.Severity)
		w.types = append(w.types, zone.TypeName(m.Type))
		w.rules = append(w.rules, m.Rule)
	}
	slices.SortFunc(order, zone.Name.Compare)
	var out []rules.Finding
	for _, name := range order {
		w := byName[name]
		slices.Sort(w.types)
		slices.Sort(w.rules)
		types, ids := slices.Compact(w.types), slices.Compact(w.rules)
		sev := rules.Warning
		if w.m.Severity == rules.Error {
			sev = rules.Error
		}
		be := "is"
		if len(types) > 1 {
			be = "are"
		}
		out = append(out, rules.Finding{
			Domain: w.m.Domain, Name: name, Type: types[0], At: w.m.At, Severity: sev,
			Message: fmt.Sprintf("%s %s %s not in %s: %s could not be checked", name, strings.Join(types, " and "), be, LockFile, enumerate(ids)),
			Help:    "run tripod lock, and commit what it writes",
		})
	}
	return out
}
