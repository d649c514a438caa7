package dnscontrol

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/StackExchange/dnscontrol/v4/models"

	"github.com/tripod-dns/tripod/internal/zone"
)

// batch is how many zones one run of `dnscontrol get-zones` reads.
const batch = 50

// getZones asks a provider, through the user's dnscontrol, what it has.
func (p *Publisher) getZones(ctx context.Context, creds, provider string, list []*ZonePreview) (err error) {
	if p.Executable == "" {
		return fmt.Errorf("%s at %s (%s): %w", list[0].Domain.ID(), provider, list[0].Type, errNoExecutable)
	}
	creds, err = filepath.Abs(creds)
	if err != nil {
		return fmt.Errorf("read zones of %s: %w", provider, err)
	}
	dir, remove, err := tempDir()
	if err != nil {
		return fmt.Errorf("read zones of %s: %w", provider, err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	for some := range slices.Chunk(list, batch) {
		file := filepath.Join(dir, "zones")
		args := []string{"get-zones", "--format=zone", "--creds", creds, "--out", file, provider, "-"}
		for _, z := range some {
			args = append(args, string(z.Domain.Name))
		}
		timed, cancel := context.WithTimeout(ctx, 5*time.Minute)
		_, err := run(timed, p.Root, nil, p.Executable, args...)
		cancel()
		if err != nil {
			return fmt.Errorf("read zones of %s: %w", provider, err)
		}
		text, err := readFile(file, maxIR)
		if err != nil {
			return fmt.Errorf("read zones of %s: %w", provider, err)
		}
		zones, err := splitZones(text, provider)
		if err != nil {
			return err
		}
		for _, z := range some {
			records, ok := zones[z.Domain.Name]
			if !ok {
				return fmt.Errorf("read zones of %s: dnscontrol said nothing of %s", provider, z.Domain.Name)
			}
			z.Current = records
		}
	}
	return nil
}

// splitZones reads what get-zones wrote: zone files one after the other, each with its $ORIGIN.
func splitZones(text []byte, provider string) (map[zone.Name][]*zone.Record, error) {
	out := map[zone.Name][]*zone.Record{}
	for _, part := range bytes.Split(append([]byte("\n"), text...), []byte("\n$ORIGIN ")) {
		head, body, _ := bytes.Cut(part, []byte("\n"))
		if len(bytes.TrimSpace(head)) == 0 {
			continue
		}
		name, err := zone.ParseName(string(bytes.TrimSpace(head)))
		if err != nil {
			return nil, fmt.Errorf("read zones of %s: %w", provider, err)
		}
		records, err := readZoneFile(body, name, "from "+provider)
		if err != nil {
			return nil, err
		}
		out[name] = records
	}
	return out, nil
}

// relayPreview runs `dnscontrol preview` for the zones of list that are not at BIND, and writes what it prints to Log.
// It makes no zones.
func (p *Publisher) relayPreview(ctx context.Context, list []*ZonePreview) error {
	return p.relay(ctx, list, "preview", "--populate-on-preview=false")
}

// runPush runs `dnscontrol push` for the zones that change and are not at BIND.
func (p *Publisher) runPush(ctx context.Context, list []*ZonePreview) error {
	return p.relay(ctx, list, "push")
}

func (p *Publisher) relay(ctx context.Context, list []*ZonePreview, command string, flags ...string) (err error) {
	byProvider := map[string][]*ZonePreview{}
	for _, z := range list {
		if z.Type != bindType {
			byProvider[z.Provider] = append(byProvider[z.Provider], z)
		}
	}
	if len(byProvider) == 0 {
		return nil
	}
	dir, remove, err := tempDir()
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	creds := p.Creds
	if creds == "" {
		creds = filepath.Join(p.Root, "creds.json")
	}
	if creds, err = filepath.Abs(creds); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	for _, name := range sortedKeys(byProvider) {
		some := byProvider[name]
		input, err := p.input(ctx, dir, some)
		if err != nil {
			return fmt.Errorf("%s to %s: %w", command, name, err)
		}
		args := append([]string{"--no-colors", command}, flags...)
		args = append(args, input...)
		args = append(args, "--creds", creds, "--providers", name, "--domains", ids(some))
		if err := p.stream(ctx, args); err != nil {
			return fmt.Errorf("%s to %s: %w", command, name, err)
		}
	}
	return nil
}

// input is what dnscontrol reads: in extend the user's dnsconfig.js, which requires what is rendered; else the zones
// themselves, rendered anew, as JSON for the version that this package knows.
func (p *Publisher) input(ctx context.Context, dir string, list []*ZonePreview) ([]string, error) {
	var domains []*zone.Domain
	for _, z := range list {
		domains = append(domains, z.Domain)
	}
	if domains[0].Emit == zone.EmitExtend {
		files, err := Render(domains, p.Output)
		if err != nil {
			return nil, err
		}
		delete(files, filepath.ToSlash(filepath.Join(p.Output, scriptName))) // lists zones that are not of this run, too
		stale, err := staleOf(p.Root, p.Output, files)
		if err != nil {
			return nil, err
		}
		for _, s := range stale {
			if s.What != "left over" {
				return nil, fmt.Errorf("%s is not what the definitions render to: run tripod render first", s.Path)
			}
		}
		config, err := filepath.Abs(p.Config)
		if err != nil {
			return nil, err
		}
		return []string{"--config", config}, nil
	}
	if p.speaksIR(ctx) {
		text, err := irOf(domains)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, "ir.json")
		return []string{"--ir", file}, os.WriteFile(file, text, 0o600)
	}
	files, err := Render(domains, "rendered")
	if err != nil {
		return nil, err
	}
	if _, err := Write(ctx, dir, "rendered", files); err != nil {
		return nil, err
	}
	return []string{"--config", filepath.Join(dir, "rendered", scriptName)}, nil
}

var version420 = regexp.MustCompile(`\b4\.20\.\d+\b`)

// speaksIR tells whether the executable says that it is v4.20: the JSON belongs to a version.
func (p *Publisher) speaksIR(ctx context.Context) bool {
	timed, cancel := context.WithTimeout(ctx, childTime)
	defer cancel()
	out, err := run(timed, p.Root, nil, p.Executable, "version")
	return err == nil && version420.Match(out)
}

// irOf is the zones as dnscontrol v4.20 reads them with --ir: a small part of the time that its JavaScript takes.
func irOf(domains []*zone.Domain) (text []byte, err error) {
	defer guard("make dnscontrol's JSON", &err)
	config := &models.DNSConfig{}
	var registrars, providers []string
	for _, d := range domains {
		m, err := newModel(d, d.Records)
		if err != nil {
			return nil, err
		}
		config.Domains = append(config.Domains, m.dc)
		registrars = append(registrars, registrarOf(d))
		providers = append(providers, d.DNSProviders...)
	}
	for _, name := range sortedSet(registrars) {
		config.Registrars = append(config.Registrars, &models.RegistrarConfig{Name: name, Type: "-"})
	}
	for _, name := range sortedSet(providers) {
		config.DNSProviders = append(config.DNSProviders, &models.DNSProviderConfig{Name: name, Type: "-"})
	}
	return json.Marshal(config)
}

// stream runs dnscontrol and passes on what it prints.
func (p *Publisher) stream(ctx context.Context, args []string) error {
	log := &shared{w: p.Log}
	if p.Log == nil {
		log.w = io.Discard
	}
	stderr := &limited{max: 16 << 10}
	cmd := exec.CommandContext(ctx, p.Executable, args...) //nolint:gosec // the program that the user named
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.Root, log, io.MultiWriter(log, stderr)
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		// All of it has gone to Log; the last line is what it ended with.
		lines := strings.Split(strings.TrimSpace(stderr.buf.String()), "\n")
		if last := lines[len(lines)-1]; last != "" {
			return fmt.Errorf("dnscontrol: %s", last)
		}
		return fmt.Errorf("dnscontrol: %w", err)
	}
	return nil
}

// shared lets the two outputs of a program go to one writer.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
