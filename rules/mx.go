package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// mxSets calls f for each MX record set of the zone that is served from here.
func (p *Pass) mxSets(f func(name zone.Name, set []*zone.Record)) {
	p.sets(func(set []*zone.Record) {
		if set[0].Type != dns.TypeMX {
			return
		}
		if _, cut := p.Zone.Cut(set[0].Name); !cut {
			f(set[0].Name, set)
		}
	})
}

// isNull tells whether an MX says that there is no mail here (RFC 7505 §3).
func isNull(rr *zone.Record) bool { return rr.Target == zone.Root }

// nullMX is the null MX of a name that has no other MX, else nil.
func (p *Pass) nullMX(name zone.Name) *zone.Record {
	set := p.Zone.Set(name, dns.TypeMX)
	if len(set) == 0 || slices.ContainsFunc(set, func(rr *zone.Record) bool { return !isNull(rr) }) {
		return nil
	}
	return set[0]
}

var mxNull = &Rule{
	ID:        "mx-null",
	Severity:  Error,
	Summary:   "A null MX that other records contradict",
	Reference: "RFC 7505 §3",
	Whole:     true,
	Domain: func(p *Pass) {
		p.mxSets(func(name zone.Name, set []*zone.Record) {
			var null, others []*zone.Record
			for _, rr := range set {
				if isNull(rr) {
					null = append(null, rr)
				} else {
					others = append(others, rr)
				}
			}
			if len(null) == 0 {
				return
			}
			rr := ours(null)
			if len(others) > 0 {
				p.ReportRecord(rr, Finding{
					Message: fmt.Sprintf("a null MX beside another MX at %s: some senders take it that there is no mail, others try to deliver to a host without a name", name),
					Help:    "keep the null MX where the name takes no mail, else the others",
					Related: relatedTo(rr, others, "stands beside it"),
				})
				return
			}
			p.Whole(name, dns.TypeMX)
			if rr.Pref != 0 {
				f := Finding{Severity: Warning,
					Message: fmt.Sprintf("the preference of a null MX is 0, not %d: not every sender may know it for one", rr.Pref),
					Help:    `write "0 ."`,
				}
				if rr.Origin == zone.Defined && !rr.At.IsZero() {
					f.Fix = &Fix{Message: "write 0 .", Edits: []Edit{{At: rr.At, New: "0 ."}}}
				}
				p.ReportRecord(rr, f)
			}
			switch p.SPFPasses(name) {
			case Yes:
				spfRecord := p.SPFSet(name)[0]
				p.ReportRecord(rr, Finding{Severity: Warning, Reference: "RFC 7505 §4.2",
					Message: fmt.Sprintf("%s takes no mail, and its SPF record lets addresses send: receivers may refuse mail that cannot be answered", name),
					Help:    `give it an MX, or write "v=spf1 -all"`,
					Related: relatedTo(rr, []*zone.Record{spfRecord}, "the SPF record"),
				})
			case Maybe:
				p.missingSPF(name)
			case No:
			}
		})
	},
}

var mxTarget = &Rule{
	ID:        "mx-target",
	Severity:  Error,
	Summary:   "An MX that leads to no host: mail cannot be delivered there",
	Reference: "RFC 5321 §5.1",
	Domain: func(p *Pass) {
		p.mxSets(func(_ zone.Name, set []*zone.Record) {
			for _, rr := range set {
				if !isNull(rr) {
					p.mxHost(rr)
				}
			}
		})
	},
}

func (p *Pass) mxHost(rr *zone.Record) {
	host := rr.Target
	if ip, ok := address(host, p.Domain.Name); ok {
		p.ReportRecord(rr, Finding{
			Message: fmt.Sprintf("%s is an address: an MX names a host, and senders find none of this name", ip),
			Help:    "give the address to a name, and write that name",
		})
		return
	}
	a := p.Exists(host, dns.TypeA, rr.At)
	has, known, status := a.Status == zone.Found, true, a.Status
	if !has {
		has, known, status = p.HasAddress(host, rr.At)
	}
	switch {
	case has && len(a.Chain) > 0:
		p.ReportRecord(rr, Finding{Severity: Warning, Reference: "RFC 2181 §10.3",
			Message: fmt.Sprintf("%s is a CNAME, which an MX may not lead to: most senders follow it, some do not deliver", host),
			Help:    fmt.Sprintf("name the host itself, %s, if it takes mail under that name", a.Owner),
		})
	case has || !known:
	case status == zone.NXDomain:
		p.ReportRecord(rr, Finding{
			Message: fmt.Sprintf("%s does not exist: no mail is delivered there", host),
			Help:    "correct the name, or drop the MX",
		})
	default:
		p.ReportRecord(rr, Finding{
			Message: fmt.Sprintf("%s has no address: no mail is delivered there", host),
			Help:    "name a host that has one, or drop the MX",
		})
	}
}

// address reads a name that is an IP address, with or without the zone's name behind it.
func address(name, apex zone.Name) (netip.Addr, bool) {
	for _, s := range [...]string{string(name), name.Relative(apex)} {
		if ip, err := netip.ParseAddr(s); err == nil {
			return ip, true
		}
	}
	return netip.Addr{}, false
}

// noMX tells whether a name has neither MX nor CNAME, for certain. Where that is not known, why says so.
func (p *Pass) noMX(name zone.Name) (none bool, why string) {
	a := p.World().Lookup(p.Context(), name, dns.TypeMX)
	switch {
	case a.Status == zone.Found:
		return false, ""
	case !a.Status.Known():
		if ok, why := p.Zone.Whole(name, dns.TypeMX); !ok {
			return false, why
		}
		return false, a.Why
	}
	return true, ""
}

// noAddress is the same for addresses.
func (p *Pass) noAddress(name zone.Name) (none bool, why string) {
	for _, t := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
		a := p.World().Exists(p.Context(), name, t)
		switch {
		case a.Status == zone.Found:
			return false, ""
		case !a.Status.Known():
			if ok, w := p.Zone.Whole(name, t); !ok {
				why = w
			} else {
				why = a.Why
			}
		}
	}
	return why == "", why
}

var mxMissing = &Rule{
	ID:        "mx-missing",
	Severity:  Warning,
	Summary:   "A name that sends has neither MX nor address: replies and bounces have nowhere to go",
	Reference: "RFC 5321 §5.1",
	Whole:     true,
	Domain: func(p *Pass) {
		for _, name := range p.MailDomains() {
			set := p.SPFSet(name)
			if len(set) == 0 {
				continue
			}
			passes := p.SPFPasses(name)
			if passes == No {
				continue
			}
			mx, why := p.noMX(name)
			if mx {
				mx, why = p.noAddress(name)
			}
			switch {
			case why != "":
				p.NotChecked(why)
			case mx && passes == Maybe:
				p.missingSPF(name)
			case mx:
				p.ReportRecord(set[0], Finding{
					Message: fmt.Sprintf("%s sends, and has neither MX nor address: replies and bounces have nowhere to go, and some receivers refuse such mail", name),
					Help:    "give it an MX",
				})
			}
		}
	},
}

var mxImplicit = &Rule{
	ID:        "mx-implicit",
	Severity:  Info,
	Summary:   "An address without MX takes mail, though nothing sends from there",
	Reference: "RFC 5321 §5.1",
	Whole:     true,
	Domain: func(p *Pass) {
		var open []zone.Name
		var first *zone.Record
		for _, name := range p.MailDomains() {
			var at *zone.Record
			for _, rr := range p.Zone.At(name) {
				if rr.Type == dns.TypeA || rr.Type == dns.TypeAAAA {
					at = rr
					break
				}
			}
			sends := p.Sends(name)
			if at == nil || sends == Yes || p.isMXHost(name) {
				continue
			}
			if none, why := p.noMX(name); !none {
				if why != "" {
					p.NotChecked(why)
				}
				continue
			}
			if sends == Maybe {
				continue // keys may stand in a part that is delegated
			}
			open = append(open, name)
			if first == nil {
				first = at
			}
		}
		if first == nil {
			return
		}
		takes := "takes"
		if len(open) > 1 {
			takes = "take"
		}
		p.ReportRecord(first, Finding{
			Message: fmt.Sprintf("without an MX, %s %s mail at the address, though nothing sends from there", nameList(open), takes),
			Help:    fmt.Sprintf(`if no mail is wanted, say so with a null MX: %s MX "0 ."`, open[0]),
		})
	},
}

// isMXHost tells whether an MX of the zone leads to the name.
func (p *Pass) isMXHost(name zone.Name) bool {
	return slices.ContainsFunc(p.Zone.Records(), func(rr *zone.Record) bool { return rr.Type == dns.TypeMX && rr.Target == name })
}

// oneName are services that take mail under one name, behind which many hosts stand.
var oneName = []zone.Name{
	"smtp.google.com", "mail.protection.outlook.com", "mx.microsoft", "amazonaws.com", "amazonses.com", "sendgrid.net",
	"postmarkapp.com", "mtasv.net", "sparkpostmail.com", "yandex.net", "yandex.ru", "tutanota.de", "zendesk.com", "mailjet.com",
	"mailersend.net", "hubspotemail.net", "exacttarget.com", "helpscout.net", "salesforce.com", "brevo.com", "sendinblue.com",
	"trendmicro.com", "trendmicro.eu",
}

var mxSingle = &Rule{
	ID:        "mx-single",
	Severity:  Info,
	Summary:   "One MX host: while it is down, mail waits with its senders",
	Reference: "RFC 5321 §5.1",
	Whole:     true,
	Domain: func(p *Pass) {
		p.mxSets(func(name zone.Name, set []*zone.Record) {
			rr := ours(set)
			for _, o := range set {
				if o.Target != rr.Target || isNull(o) {
					return
				}
			}
			if slices.ContainsFunc(oneName, rr.Target.Under) || p.severalHosts(rr.Target) || !p.Whole(name, dns.TypeMX) {
				return
			}
			p.ReportRecord(rr, Finding{
				Message: fmt.Sprintf("%s is the only MX host of %s: while it is down, mail waits with its senders", rr.Target, name),
				Help:    "nothing has to be done where that is good enough: senders try again for days",
			})
		})
	},
}

// severalHosts tells whether several addresses stand at a name of the repository.
func (p *Pass) severalHosts(host zone.Name) bool {
	z, ok := p.dom.world.ZoneOf(host)
	return ok && (len(z.Set(host, dns.TypeA)) > 1 || len(z.Set(host, dns.TypeAAAA)) > 1)
}

// unprotected is what leaves a name open that neither sends nor takes mail.
type unprotected struct {
	severity Severity
	wrong    []string
	at       *zone.Record // what it is to be shown at; nil stands for the domain or the policy
	policy   bool         // the policy is at fault
	help     []string
	why      string // it cannot be told, and why
}

var mxUnprotected = &Rule{
	ID:        "mx-unprotected",
	Severity:  Error,
	Summary:   "A name that neither sends nor takes mail is left open to whoever sends in its name",
	Reference: "RFC 9989 §5.1.4, RFC 7208 §10.1.2",
	Whole:     true,
	Domain: func(p *Pass) {
		for _, name := range p.MailDomains() {
			u := p.unprotected(name)
			switch {
			case u == nil:
			case u.why != "":
				p.NotChecked(u.why)
			case u.severity == Default:
				p.policyOf(name, zone.Span{}) // notes what is missing
			default:
				d := p.Policy(name)
				f := Finding{Severity: u.severity, Name: name,
					Message: fmt.Sprintf("%s neither sends nor takes mail, but %s", name, strings.Join(u.wrong, ", and ")),
					Help:    "write " + strings.Join(u.help, " and "),
				}
				if u.policy && d.Source == dmarc.Own {
					if at, term, ok := policySpot(d); ok {
						f.At, f.Term, f.Type = at, term, "TXT"
						p.Report(f)
						continue
					}
				}
				if u.at != nil {
					p.ReportRecord(u.at, f)
					continue
				}
				p.Report(f)
			}
		}
	},
}

// unprotected looks at a name to which nothing belongs that sends, and that says by a null MX that it takes no mail, or is a domain
// without MX and address. It gives nil where that is not so, or where all is well. Other rules ask whether it speaks.
func (p *Pass) unprotected(name zone.Name) *unprotected {
	v := &p.dom.views.around
	if u, ok := v.unprotected[name]; ok {
		return u
	}
	if v.unprotected == nil {
		v.unprotected = map[zone.Name]*unprotected{}
	}
	u := p.findUnprotected(name)
	v.unprotected[name] = u
	return u
}

// speaks tells whether mx-unprotected has a finding at the name.
func (p *Pass) speaks(name zone.Name) bool {
	u := p.unprotected(name)
	return u != nil && u.severity != Default
}

// saidByUnprotected tells whether mx-unprotected says that a name has no policy: at the name itself, or, where nothing sends or takes
// mail there, at the domain, whose policy would reach it.
func (p *Pass) saidByUnprotected(name zone.Name) bool {
	return p.speaks(name) || p.speaks(p.Domain.Name) && name.Below(p.Domain.Name) && p.Sends(name) == No && !p.takesMail(name)
}

func (p *Pass) findUnprotected(name zone.Name) *unprotected {
	null := p.nullMX(name)
	switch {
	case p.run.in.Settings.Severity["mx-unprotected"] == Off:
		return nil
	case null == nil && (name != p.Domain.Name || p.takesMail(name)):
		return nil
	case null == nil && p.Domain.Tag != "":
		return nil // a view of its own need not say what the world's view does
	}
	if p.SPFPasses(name) == Yes {
		return nil
	}
	if null == nil {
		none, why := p.noMX(name)
		if none {
			none, why = p.noAddress(name)
		}
		if !none {
			if why == "" {
				return nil
			}
			return &unprotected{why: why}
		}
	}
	switch p.Sends(name) {
	case Yes:
		return nil
	case Maybe:
		return &unprotected{why: fmt.Sprintf("it is not known whether %s sends", name)}
	case No:
	}
	d := p.Policy(name)
	if !d.PolicyKnown {
		return &unprotected{}
	}
	if null == nil && d.Enforces() && d.Source != dmarc.Own || p.dmarcBroken(d) {
		return nil
	}
	u := &unprotected{at: null, severity: Warning}
	switch {
	case !d.Applies():
		u.severity, u.policy = Error, true
		u.wrong = append(u.wrong, "no DMARC policy reaches it: anyone can put it into a From")
	case !d.Enforces():
		u.severity, u.policy = Error, true
		u.wrong = append(u.wrong, fmt.Sprintf("its DMARC policy is %s: anyone can put it into a From", policyWord(d)))
	case d.Policy == dmarc.Quarantine:
		u.policy = true
		u.wrong = append(u.wrong, fmt.Sprintf("its DMARC policy is %s: mail in its name reaches the junk folder, where reject would keep it out", policyWord(d)))
	}
	if u.policy {
		u.help = append(u.help, fmt.Sprintf(`%s TXT "v=DMARC1; p=reject"`, dmarc.RecordName(name)))
	}
	if end := p.openSPF(name, d, u); end != "" {
		u.wrong = append(u.wrong, end)
		u.help = append(u.help, fmt.Sprintf(`%s TXT "v=spf1 -all"`, name))
	}
	if len(u.wrong) == 0 {
		return nil
	}
	return u
}

// policyWord is the policy of a discovery, with the reason where it is not the one that is written.
func policyWord(d *dmarc.Discovery) string {
	if d.Policy != d.Declared {
		return d.Policy.String() + " (t=y)"
	}
	return d.Policy.String()
}

// dmarcBroken tells whether a DMARC rule says why the name has no policy.
func (p *Pass) dmarcBroken(d *dmarc.Discovery) bool {
	if d.Record != nil {
		if _, lost := d.Record.Problem(dmarc.KindPolicy, dmarc.KindLost); lost {
			return true // dmarc-value, dmarc-syntax: the policy that was meant is not the one that counts
		}
	}
	return !d.Applies() && (d.Record != nil || p.dmarcExplained(d.Name))
}

// openSPF says what the SPF record of a name that does not send leaves open, "" where that is nothing.
func (p *Pass) openSPF(name zone.Name, d *dmarc.Discovery, u *unprotected) string {
	set := p.SPFSet(name)
	switch {
	case len(set) > 1 || len(set) == 1 && len(p.ParseSPF(set[0]).Problems) > 0:
		return "" // spf-multiple, spf-syntax
	case len(set) == 1:
		end := p.spfEnd(name, set[0])
		if end != "" && !u.policy {
			u.at = set[0]
		}
		return end
	case d.Source != dmarc.Own || !d.Applies():
		return ""
	}
	ok, _ := p.Zone.Whole(name, dns.TypeTXT)
	if !ok || len(p.Zone.Set(name, dns.TypeCNAME)) > 0 || slices.ContainsFunc(p.Zone.Set(name, dns.TypeTXT), func(rr *zone.Record) bool {
		_, meant := spf.Unrecognised(rr.Text.String())
		return meant // spf-unrecognised
	}) {
		return ""
	}
	u.severity = Error
	return "it has no SPF record: receivers that look at SPF alone take any sender"
}

// spfEnd says how a record ends that lets nobody pass, "" where it ends in -all or in what is not known.
func (p *Pass) spfEnd(name zone.Name, rr *zone.Record) string {
	rec := p.ParseSPF(rr)
	if rec.All() == nil && rec.Redirect() != nil {
		n := p.SPFTree(name).Root
		for n != nil && n.Parsed != nil && n.Parsed.All() == nil && n.Parsed.Redirect() != nil {
			var next *spf.Node
			for _, tn := range n.Terms {
				if tn.Term.Kind == spf.Redirect {
					next = tn.Tree
				}
			}
			n = next
		}
		if n == nil || n.Parsed == nil {
			return "" // missing, broken or not known
		}
		rec = n.Parsed
	}
	all := rec.All()
	switch {
	case all == nil:
		return "its SPF record has no -all: receivers that look at SPF alone refuse nobody"
	case all.Qualifier != '-':
		return fmt.Sprintf("its SPF record ends in %s, not -all: receivers that look at SPF alone refuse nobody", all.Text)
	}
	return ""
}
