package dnscontrol

import (
	"errors"
	"fmt"

	"github.com/StackExchange/dnscontrol/v4/models"
	"github.com/StackExchange/dnscontrol/v4/pkg/normalize"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Refuses tells what dnscontrol v4.20 refuses about a zone (`dnscontrol check`, and an IGNORE that hits a record of
// the zone itself), both halves of it in extend; nil when it takes the zone. Its warnings do not count. Its words
// name no place: every refusal has a finding of the linter in front of it, and a test over random records holds that.
func Refuses(d *zone.Domain) (err error) {
	defer guard("check "+d.ID(), &err)
	m, err := newModel(d, everything(d))
	if err != nil {
		return fmt.Errorf("check %s: %w", d.ID(), err)
	}
	if err := validate(m.dc); err != nil {
		return fmt.Errorf("check %s: %w", d.ID(), err)
	}
	if _, err := compare(m, nil, false); err != nil {
		return fmt.Errorf("check %s: %w", d.ID(), err)
	}
	return nil
}

// validate runs dnscontrol's own validation, as `check` does: without the types of the providers. It works once for
// a model, and leaves it normalized.
func validate(dc *models.DomainConfig) error {
	var errs []error
	for _, err := range normalize.ValidateAndNormalizeConfig(&models.DNSConfig{Domains: []*models.DomainConfig{dc}}) {
		var warning normalize.Warning
		if !errors.As(err, &warning) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
