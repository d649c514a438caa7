package config

import (
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-dns/tripod/internal/zone"
)

// only returns the blocks of file by type; a second one of a type is a problem at both.
func only(f *block, ps *problems, fs *Files) map[string]*block {
	out := make(map[string]*block)
	for _, b := range f.blocks {
		if first := out[b.def.name]; first != nil {
			twice(ps, fs, b.def.name, first.kw, b.kw)
			continue
		}
		out[b.def.name] = b
	}
	return out
}

// twice reports something that may be written once, at both of its places.
func twice(ps *problems, fs *Files, what string, first, second zone.Span) {
	ps.addf(second, "", "%s is defined twice, first at %s", what, where(fs, first))
	ps.addf(first, "", "%s is defined twice, again at %s", what, where(fs, second))
}

func where(fs *Files, at zone.Span) string {
	p := fs.Position(at)
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// word is an attribute's string, or otherwise where it is not set.
func word(b *block, name, otherwise string, fs *Files) string {
	if a := b.attr(name); a != nil {
		return a.val.lit.str(fs, "")
	}
	return otherwise
}

func words(a *attr, fs *Files) []string {
	if a == nil {
		return nil
	}
	out := make([]string, len(a.val.list))
	for i, l := range a.val.list {
		out[i] = l.str(fs, "")
	}
	return out
}

// place is where a list's element or a string is shown: its content, or, where that is empty, its quotes.
func place(l lit) zone.Span {
	if l.at.Start == l.at.End {
		return zone.Span{File: l.at.File, Start: l.at.Start - 1, End: l.at.End + 1}
	}
	return l.at
}

func decodeSettings(f *block, fs *Files, ps *problems) Settings {
	s := Settings{
		Keys:       "keys",
		DNSControl: DNSControl{Output: "dnscontrol", Config: "dnsconfig.js"},
		Lint:       Lint{FailOn: "error"},
		Resolver:   Resolver{LockMaxAge: 30 * 24 * time.Hour},
		GitHub:     GitHub{MaxDomainsPerPR: 50, MaxOpen: 4, Comment: "summary"},
	}
	blocks := only(f, ps, fs)
	if t := blocks["tripod"]; t != nil {
		a := t.attr("files")
		s.Files = words(a, fs)
		if len(s.Files) == 0 {
			ps.add(a.val.at, "no files", `write files = ["domains/*.hcl"]`)
		}
		for i, p := range s.Files {
			if err := checkPattern(p); err != nil {
				ps.addf(place(a.val.list[i]), "", "files %q: %v", p, err)
			}
		}
		if a := t.attr("keys"); a != nil {
			s.Keys = s.dir(a, fs, ps)
		}
		if a := t.attr("ttl"); a != nil {
			s.TTL, s.HasTTL = uint32(a.val.num), true // checked: at most 2^31-1
		}
		if a := t.attr("required_version"); a != nil {
			s.RequiredVersion, s.RequiredVersionAt = a.val.lit.str(fs, ""), place(a.val.lit)
		}
	} else {
		ps.add(zone.Span{File: f.kw.File}, "there is no tripod block", `write tripod { files = ["domains/*.hcl"] }`)
	}
	if d := blocks["dnscontrol"]; d != nil {
		c := &s.DNSControl
		c.At = d.kw
		c.Emit = word(d, "emit", "", fs)
		if a := d.attr("output"); a != nil {
			c.Output, c.OutputAt = s.dir(a, fs, ps), place(a.val.lit)
		}
		if a := d.attr("config"); a != nil {
			c.Config, c.ConfigAt = s.dir(a, fs, ps), place(a.val.lit)
		}
		c.Registrar = word(d, "registrar", "", fs)
		c.DNSProviders = words(d.attr("dns_providers"), fs)
		c.IgnoreRecords = ignoreRecords(d.attr("ignore_records"), fs, ps)
	}
	if l := blocks["lint"]; l != nil {
		s.Lint = decodeLint(l, fs, ps)
	}
	if r := blocks["resolver"]; r != nil {
		if a := r.attr("servers"); a != nil {
			for _, l := range a.val.list {
				server, err := serverAddr(l.str(fs, ""))
				if err != nil {
					ps.add(place(l), err.Error(), `write "192.0.2.53" or "192.0.2.53:53"`)
					continue
				}
				s.Resolver.Servers = append(s.Resolver.Servers, server)
				s.Resolver.ServersAt = append(s.Resolver.ServersAt, place(l))
			}
		}
		if d, ok := duration(r.attr("lock_max_age"), fs); ok {
			s.Resolver.LockMaxAge = d
		}
	}
	if g := blocks["github"]; g != nil {
		s.GitHub.MaxDomainsPerPR = number(g.attr("max_domains_per_pr"), s.GitHub.MaxDomainsPerPR, 1, 300, ps)
		s.GitHub.MaxOpen = number(g.attr("max_open"), s.GitHub.MaxOpen, 1, 100, ps)
		s.GitHub.Comment = word(g, "comment", s.GitHub.Comment, fs)
		s.GitHub.App = word(g, "app", "", fs)
	}
	return s
}

func decodeLint(l *block, fs *Files, ps *problems) Lint {
	out := Lint{FailOn: word(l, "fail_on", "error", fs)}
	if a := l.attr("bulk_senders"); a != nil {
		for _, e := range a.val.list {
			n, err := zone.ParseName(e.str(fs, ""))
			if err != nil {
				ps.addf(place(e), "", "bulk_senders: %v", err)
				continue
			}
			out.BulkSenders = append(out.BulkSenders, BulkSender{n, place(e)})
		}
	}
	first := make(map[string]zone.Span)
	for _, b := range l.blocks {
		id := b.labels[0]
		if at, ok := first[id.text]; ok {
			twice(ps, fs, "rule "+strconv.Quote(id.text), at, id.at)
			continue
		}
		first[id.text] = id.at
		r := RuleSetting{ID: id.text, At: id.at, Params: make(map[string]Param)}
		for i := range b.attrs {
			a := &b.attrs[i]
			if a.def.name == "severity" {
				r.Severity, r.SeverityAt = a.val.lit.str(fs, ""), place(a.val.lit)
				continue
			}
			p := Param{NameAt: a.name, At: a.val.at}
			switch a.val.typ {
			case typeString:
				p.Value, p.At = a.val.lit.str(fs, ""), place(a.val.lit)
			case typeList:
				p.Value = words(a, fs)
			case typeNumber:
				p.Value = a.val.num
			case typeBool:
				p.Value = a.val.b
			}
			r.Params[a.text] = p
		}
		out.Rules = append(out.Rules, r)
	}
	return out
}

// dir reads a path below the root.
func (s *Settings) dir(a *attr, fs *Files, ps *problems) string {
	text := a.val.lit.str(fs, "")
	clean := path.Clean(text)
	if strings.ContainsAny(text, "*?[") || (a.def.name == "keys" && clean == ".") {
		ps.addf(place(a.val.lit), "", "%s %q: the name of one directory or file of its own is needed", a.def.name, text)
		return clean
	}
	if text == "" || path.IsAbs(text) || strings.Contains(text, `\`) || clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains(clean, ":") {
		ps.addf(place(a.val.lit), "name it relative to the directory of "+SettingsFile+", with forward slashes", "%s %q does not lie below the directory of %s", a.def.name, text, SettingsFile)
	}
	return clean
}

func duration(a *attr, fs *Files) (time.Duration, bool) {
	if a == nil {
		return 0, false
	}
	d, err := parseDuration(a.val.lit.str(fs, "")) // checked when it was parsed
	return d, err == nil
}

func number(a *attr, otherwise, lowest, highest int, ps *problems) int {
	if a == nil {
		return otherwise
	}
	if a.val.num < int64(lowest) || a.val.num > int64(highest) {
		ps.addf(a.val.at, "", "%s = %d: from %d to %d is possible", a.def.name, a.val.num, lowest, highest)
		return otherwise
	}
	return int(a.val.num)
}

func serverAddr(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), "53"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, " /[]") || (strings.Contains(host, ":") && net.ParseIP(host) == nil) {
		return "", fmt.Errorf("%q is no HOST:PORT", s)
	}
	return net.JoinHostPort(host, port), nil
}
