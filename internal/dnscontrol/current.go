package dnscontrol

import (
	"context"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Current finds what each zone's providers have, without comparing it and without asking `dnscontrol preview`. halves are
// OtherHalf's, for domains in extend; those that no D() takes in are passed over.
func (p *Publisher) Current(ctx context.Context, domains []*zone.Domain, halves map[string]*Half) ([]*ZonePreview, error) {
	return p.current(ctx, domains, halves)
}

// Compared is the definition that a push compares with Current: with what dnsconfig.js gives each of BIND's zones.
func (z *ZonePreview) Compared() *zone.Domain { return z.d }
