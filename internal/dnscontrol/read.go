package dnscontrol

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Bounds of what is read of a zone file.
const (
	maxZoneFile    = 64 << 20 // bytes
	maxZoneRecords = 500_000  // $GENERATE counts with what it makes
)

// readZoneFile reads the records of a zone in the format of RFC 1035 §5. The texts of TXT records are the octets that a name
// server would serve. $INCLUDE is refused: it would read files that nobody named. file is for messages.
func readZoneFile(src []byte, origin zone.Name, file string) ([]*zone.Record, error) {
	if len(src) > maxZoneFile {
		return nil, fmt.Errorf("read zone file %s: larger than %d MiB", file, maxZoneFile>>20)
	}
	zp := dns.NewZoneParser(bytes.NewReader(src), origin.FQDN(), file)
	zp.SetIncludeAllowed(false)
	// As prettyzone writes them, files begin with $TTL; RFC 2308 §4 wants it or a TTL on each record. This is
	// dnscontrol's default for files that have neither.
	zp.SetDefaultTTL(300)
	var out []*zone.Record
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if rr.Header().Class != dns.ClassINET {
			return nil, fmt.Errorf("read zone file %s: %s: class %s, only IN is known", file, rr.Header().Name, dns.Class(rr.Header().Class))
		}
		if len(out) >= maxZoneRecords {
			return nil, fmt.Errorf("read zone file %s: more than %d records", file, maxZoneRecords)
		}
		r, err := fromRR(rr, zone.Third)
		if err != nil {
			return nil, fmt.Errorf("read zone file %s: %w", file, err)
		}
		if !r.Name.Under(origin) {
			return nil, fmt.Errorf("read zone file %s: %s is outside the zone %s", file, r.Name, origin)
		}
		out = append(out, r)
	}
	if err := zp.Err(); err != nil {
		return nil, fmt.Errorf("read zone file %s: %w", file, err)
	}
	return out, nil
}

// ReadZones reads the zone files of the domains in a directory: NAME!TAG.zone, as dnscontrol's BIND provider names
// them, else NAME!TAG, NAME!TAG.db, db.NAME!TAG. The result is by zone.Domain.ID; a zone without a file is missing
// in it, which is an empty zone. A directory that is not there is an error.
func ReadZones(dir string, domains []*zone.Domain) (map[string][]*zone.Record, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("read zone files: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("read zone files: %s is no directory", dir)
	}
	out := make(map[string][]*zone.Record, len(domains))
	for _, d := range domains {
		id := zoneFileStem(d)
		for _, name := range []string{ZoneFileName(d), id, id + ".db", "db." + id} {
			file := filepath.Join(dir, name)
			src, err := readFile(file, maxZoneFile)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read zone %s: %w", d.ID(), err)
			}
			records, err := readZoneFile(src, d.Name, file)
			if err != nil {
				return nil, err
			}
			out[d.ID()] = records
			break
		}
	}
	return out, nil
}

// ZoneFileName is the name under which ReadZones looks for a zone first: NAME!TAG.zone, a slash in it as %2F.
func ZoneFileName(d *zone.Domain) string { return zoneFileStem(d) + ".zone" }

func zoneFileStem(d *zone.Domain) string {
	id := d.ID()
	if strings.ContainsAny(id, `/\`) {
		id = escapeFileName(id)
	}
	return id
}

// ReadZoneFile reads the text of a zone file, of bounded size. For a file that is not there it is nil, and the error wraps
// fs.ErrNotExist.
func ReadZoneFile(file string) ([]byte, error) { return readFile(file, maxZoneFile) }

// readFile reads a regular file of at most limit bytes; a FIFO or device is refused before it is opened for good.
func readFile(name string, limit int64) (src []byte, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	f, err := os.Open(name) //nolint:gosec // reading the files that the user names is what this is for
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	src, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(src)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, limit>>20)
	}
	return src, nil
}

const plainFileName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!"

// escapeFileName makes a file name of a zone: what could mean something to a file system stands as %XX.
func escapeFileName(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(plainFileName, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}
