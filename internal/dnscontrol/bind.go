package dnscontrol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// bindType is the TYPE of BIND in creds.json.
const bindType = "BIND"

// readBIND reads the zone file that is there, as dnscontrol's BIND provider names it.
func (p *Publisher) readBIND(z *ZonePreview, entry map[string]string, provider Provider) error {
	dir, format := entry["directory"], entry["filenameformat"]
	if dir == "" {
		dir = "zones"
	}
	if format == "" {
		format = "%U.zone"
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(p.Root, dir)
	}
	name, err := zoneFileNamed(format, z.Domain)
	if err != nil {
		return err
	}
	z.file = filepath.Join(dir, name)
	z.old, err = readFile(z.file, maxZoneFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		z.old = nil
	case err != nil:
		return fmt.Errorf("read zone %s: %w", z.Domain.ID(), err)
	default:
		if z.Current, err = readZoneFile(z.old, z.Domain.Name, z.file); err != nil {
			return err
		}
	}
	if len(z.Domain.RestPseudo) > 0 {
		for _, ps := range z.Domain.RestPseudo {
			if ps.Type != "CF_PROXY" {
				return fmt.Errorf("%s: %s %s: BIND has no such record", z.Domain.ID(), ps.Type, ps.Name)
			}
		}
	}
	z.d, err = withDefaults(z.Domain, provider, z.Current)
	return err
}

// zoneFileNamed is filenameformat filled in: %D is the name, %T the tag, %U both, and the character behind %? stands only where
// there is a tag.
func zoneFileNamed(format string, d *zone.Domain) (string, error) {
	if strings.ContainsAny(d.ID(), `/\`) {
		return "", fmt.Errorf("%s: no zone file can have this name", d.ID())
	}
	var b strings.Builder
	rest := format
	for rest != "" {
		before, after, found := strings.Cut(rest, "%")
		b.WriteString(before)
		if !found {
			break
		}
		if after == "" || after[0] == '?' && len(after) < 2 {
			return "", fmt.Errorf("filenameformat %q ends with %%", format)
		}
		rest = after[1:]
		switch after[0] {
		case 'D':
			b.WriteString(string(d.Name))
		case 'T':
			b.WriteString(d.Tag)
		case 'U':
			b.WriteString(d.ID())
		case '?':
			if d.Tag != "" {
				b.WriteByte(rest[0])
			}
			rest = rest[1:]
		default:
			return "", fmt.Errorf("filenameformat %q: unknown %%%c", format, after[0])
		}
	}
	return b.String(), nil
}

// withDefaults adds what NewDnsProvider() of dnsconfig.js gives each of BIND's zones: name servers, and an SOA for a zone that
// has none yet.
func withDefaults(d *zone.Domain, provider Provider, current []*zone.Record) (*zone.Domain, error) {
	if len(provider.Meta) == 0 {
		return d, nil
	}
	var meta struct {
		NS  []string `json:"default_ns"`
		SOA struct {
			NS      string `json:"master"`
			Mbox    string `json:"mbox"`
			Serial  uint32 `json:"serial"`
			Refresh uint32 `json:"refresh"`
			Retry   uint32 `json:"retry"`
			Expire  uint32 `json:"expire"`
			Minttl  uint32 `json:"minttl"`
			TTL     uint32 `json:"ttl"`
		} `json:"default_soa"`
	}
	if err := json.Unmarshal(provider.Meta, &meta); err != nil {
		return nil, fmt.Errorf("%s: NewDnsProvider(%q): %w", d.ID(), provider.Name, err)
	}
	out := *d
	out.Rest = append([]*zone.Record(nil), d.Rest...)
	if n := provider.Nameservers; n > 0 && n < len(meta.NS) {
		meta.NS = meta.NS[:n]
	} else if n == 0 {
		meta.NS = nil
	}
	for _, ns := range meta.NS {
		r, err := fromRR(&dns.NS{Hdr: header(d.Name, dns.TypeNS, 300), Ns: dns.Fqdn(ns)}, zone.Rest)
		if err != nil {
			return nil, fmt.Errorf("%s: default_ns: %w", d.ID(), err)
		}
		out.Rest = append(out.Rest, r)
	}
	for _, r := range append(everything(d), current...) {
		if r.Type == dns.TypeSOA && r.Name == d.Name {
			return &out, nil
		}
	}
	if s := meta.SOA; s.NS != "" && s.Mbox != "" {
		// The rest is what dnscontrol's BIND provider takes.
		def := func(v, otherwise uint32) uint32 {
			if v != 0 {
				return v
			}
			return otherwise
		}
		r, err := fromRR(&dns.SOA{Hdr: header(d.Name, dns.TypeSOA, def(s.TTL, 300)), Ns: dns.Fqdn(s.NS),
			Mbox: dns.Fqdn(strings.ReplaceAll(s.Mbox, "@", ".")), Serial: def(s.Serial, 1), Refresh: def(s.Refresh, 3600),
			Retry: def(s.Retry, 600), Expire: def(s.Expire, 604800), Minttl: def(s.Minttl, 1440)}, zone.Rest)
		if err != nil {
			return nil, fmt.Errorf("%s: default_soa: %w", d.ID(), err)
		}
		out.Rest = append(out.Rest, r)
	}
	return &out, nil
}

func header(name zone.Name, rtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name.FQDN(), Rrtype: rtype, Class: dns.ClassINET, Ttl: ttl}
}

// zoneFile is the file to write, read back: it holds what was planned, or nothing is written.
func (z *ZonePreview) zoneFile() ([]byte, error) {
	text, err := ZoneFile(z.d, z.old)
	if err != nil {
		return nil, err
	}
	got, err := readZoneFile(text, z.d.Name, z.file)
	if err != nil {
		return nil, err
	}
	changes, err := Diff(z.d, got)
	if err != nil {
		return nil, err
	}
	if len(changes) > 0 {
		return nil, fmt.Errorf("write zone %s: the zone file would not hold %s %s as it is defined", z.d.ID(), changes[0].Name, changes[0].Type)
	}
	return text, nil
}

func (p *Publisher) writeZone(ctx context.Context, z *ZonePreview, text []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write zone %s: %w", z.Domain.ID(), err)
	}
	if err := os.MkdirAll(filepath.Dir(z.file), 0o755); err != nil { //nolint:gosec // name servers run as another user
		return fmt.Errorf("write zone %s: %w", z.Domain.ID(), err)
	}
	if err := renameio.WriteFile(z.file, text, 0o644, renameio.WithExistingPermissions()); err != nil {
		return fmt.Errorf("write zone %s: %w", z.Domain.ID(), err)
	}
	shown := z.file
	if rel, err := filepath.Rel(p.Root, z.file); err == nil && filepath.IsLocal(rel) {
		shown = filepath.ToSlash(rel)
	}
	return p.logf("wrote %s\n", shown)
}
