package engine

import (
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
	"github.com/tripod-dns/tripod/rules"
)

// partial are the findings about zones that tripod owns whole while the definitions lack part of what is in them: push would
// delete it. The base has to be what is published, or what a commit held before would be warned of whenever it goes.
func (r *Repo) partial(plan *planner.Plan) []rules.Finding {
	switch plan.Base.Kind {
	case "zones", "dns", "provider":
	default:
		return nil
	}
	gone := map[string][]string{} // by zone.Domain.ID
	for _, p := range plan.Domains {
		for _, c := range p.Changes {
			if c.Action == planner.Delete {
				gone[c.Zone] = append(gone[c.Zone], c.Type+" at "+c.Name.String())
			}
		}
	}
	var out []rules.Finding
	for _, d := range r.Config.Domains {
		list := gone[d.ID()]
		if d.Emit != zone.EmitZone || len(list) == 0 {
			continue
		}
		out = append(out, rules.Finding{
			Domain: d.Name, Tag: d.Tag, Name: d.Name, At: d.At,
			Message: fmt.Sprintf("the zone holds what the definitions lack, and push would delete it: %s", firstOf(list, 3)),
			Help:    `define what is to stay, leave it to others with ignore_records, or keep the zone in dnsconfig.js with emit = "extend"`,
		})
	}
	return out
}

// firstOf lists the first n words of a list.
func firstOf(list []string, n int) string {
	s := strings.Join(list[:min(n, len(list))], ", ")
	if more := len(list) - n; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// flattenStale are the findings about addresses that were taken from a lock file which is days old.
func (r *Repo) flattenStale(days int) []rules.Finding {
	var out []rules.Finding
	for _, d := range r.Config.Domains {
		for _, f := range d.Flatten {
			var terms []string
			for _, t := range f.Terms {
				terms = append(terms, t.String())
			}
			out = append(out, rules.Finding{
				Domain: d.Name, Tag: d.Tag, Name: f.Owner, Type: "TXT", At: f.At,
				Message: fmt.Sprintf("the addresses of %s are %d days old: mail from hosts that a vendor has added since fails SPF", firstOf(terms, 3), days),
				Help:    "run tripod lock and tripod render, and commit what they write",
			})
		}
	}
	return out
}
