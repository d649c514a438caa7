package engine

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/mtasts"
	"github.com/tripod-dns/tripod/internal/zone"
)

// How policies are fetched.
const (
	policyTimeout = 30 * time.Second
	maxPolicySize = 64 << 10 // bytes: senders may stop there (RFC 8461 §3.3)
)

// A VerifiedPolicy is what was found of one MTA-STS policy.
type VerifiedPolicy struct {
	Owner   zone.Name // the policy domain
	URL     string
	Verdict Verdict
	Message string          // what is not as declared; empty where all is
	Pos     config.Position // of the mta_sts block
}

// A policyFetcher fetches policies as senders do.
type policyFetcher struct{ client *http.Client }

// policyFetcher is one over client; nil stands for a client of its own, which finds hosts by the resolver that this run asks.
func (r *Repo) policyFetcher(client *http.Client) *policyFetcher {
	if client == nil {
		dialer := &net.Dialer{Timeout: 10 * time.Second, Resolver: r.hostResolver()}
		client = &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 10 * time.Second, DisableKeepAlives: true, MaxResponseHeaderBytes: maxPolicySize,
		}}
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &policyFetcher{&own}
}

// hostResolver is the resolver that the user names, nil for the system's.
func (r *Repo) hostResolver() *net.Resolver {
	servers := r.opts.Resolvers
	if len(servers) == 0 {
		servers = r.Config.Settings.Resolver.Servers
	}
	if len(servers) == 0 {
		return nil
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		server := servers[0]
		if _, _, err := net.SplitHostPort(server); err != nil {
			server = net.JoinHostPort(strings.Trim(server, "[]"), "53")
		}
		var d net.Dialer
		return d.DialContext(ctx, network, server)
	}}
}

// verify fetches a policy and compares what it says, not how it is spelt, with what render writes.
func (f *policyFetcher) verify(ctx context.Context, p *zone.MTASTSPolicy, pos config.Position) VerifiedPolicy {
	out := VerifiedPolicy{
		Owner: p.Owner, URL: (&url.URL{Scheme: "https", Host: "mta-sts." + string(p.Owner), Path: "/.well-known/mta-sts.txt"}).String(), Pos: pos,
	}
	text, verdict, message := f.fetch(ctx, out.URL)
	if verdict != AsDeclared {
		out.Verdict, out.Message = verdict, message
		return out
	}
	if diff := policyDifference(p, text); diff != "" {
		out.Verdict, out.Message = Wrong, diff
		return out
	}
	out.Verdict, out.Message = AsDeclared, message
	return out
}

// fetch gets a policy (RFC 8461 §3.3). With AsDeclared, the message is only a remark.
func (f *policyFetcher) fetch(ctx context.Context, from string) (text string, v Verdict, message string) {
	ctx, cancel := context.WithTimeout(ctx, policyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return "", Unconfirmed, "it cannot be asked for: " + plainError(err)
	}
	req.Header.Set("User-Agent", "tripod verify")
	resp, err := f.client.Do(req)
	if err != nil {
		return "", verdictOf(err), plainError(err)
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return "", Wrong, fmt.Sprintf("it redirects (HTTP %d): senders do not follow (RFC 8461 §3.3)", resp.StatusCode)
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return "", Missing, fmt.Sprintf("there is no policy (HTTP %d)", resp.StatusCode)
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
		return "", Unconfirmed, fmt.Sprintf("the web server says HTTP %d", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return "", Wrong, fmt.Sprintf("the web server says HTTP %d: senders take 200 only (RFC 8461 §3.3)", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPolicySize+1))
	if err != nil {
		return "", Unconfirmed, "it cannot be read: " + plainError(err)
	}
	if len(body) > maxPolicySize {
		return "", Wrong, "it is over 64 KiB: senders may not read it (RFC 8461 §3.3)"
	}
	if media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || media != "text/plain" {
		message = "its media type is not text/plain: senders may refuse it (RFC 8461 §3.3)"
	}
	return string(body), AsDeclared, message
}

// verdictOf sorts out what stood in the way of a fetch: what every sender would meet is wrong, all else is open.
func verdictOf(err error) Verdict {
	var (
		cert *tls.CertificateVerificationError
		host *net.DNSError
	)
	switch {
	case errors.As(err, &cert):
		return Wrong
	case errors.As(err, &host) && host.IsNotFound:
		return Missing
	}
	return Unconfirmed
}

// plainError is an error of net/http in few words.
func plainError(err error) string {
	var (
		cert *tls.CertificateVerificationError
		auth x509.UnknownAuthorityError
		name x509.HostnameError
		bad  x509.CertificateInvalidError
		host *net.DNSError
		wrap *url.Error
		op   *net.OpError
		ne   net.Error
	)
	switch {
	case errors.As(err, &cert):
		why := "it cannot be verified"
		switch {
		case errors.As(err, &auth):
			why = "no authority that this machine trusts has signed it"
		case errors.As(err, &name):
			why = "it is for another name"
		case errors.As(err, &bad) && bad.Reason == x509.Expired:
			why = "it has expired, or is not valid yet"
		}
		return "the certificate is not valid: " + why + " (RFC 8461 §3.3)"
	case errors.As(err, &host) && host.IsNotFound:
		return fmt.Sprintf("the host %s does not exist, or has no address", host.Name)
	case errors.As(err, &host):
		return fmt.Sprintf("the address of %s cannot be found", host.Name)
	case errors.As(err, &ne) && ne.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "the web server does not answer in time"
	case errors.As(err, &op):
		return "the web server cannot be reached: " + op.Err.Error()
	case errors.As(err, &wrap):
		return wrap.Err.Error()
	}
	return err.Error()
}

// policyDifference says in what a policy that is served is another than the one that is declared; "" where it says the same.
func policyDifference(p *zone.MTASTSPolicy, text string) string {
	want, got := mtasts.ParsePolicy(mtasts.Format(p.Mode, p.MX, p.MaxAge)), mtasts.ParsePolicy(text)
	i := slices.IndexFunc(got.Problems, func(x zone.Problem) bool { return x.Kind != mtasts.PolicyLine && x.Kind != mtasts.PolicyTwice })
	if i >= 0 && len(want.Problems) == 0 {
		return "what is served is no valid policy: " + got.Problems[i].Message
	}
	var out []string
	if got.Mode != want.Mode {
		out = append(out, fmt.Sprintf("its mode is %s, declared is %s", cmp.Or(got.Mode, "missing"), want.Mode))
	}
	if got.MaxAge != want.MaxAge {
		out = append(out, fmt.Sprintf("its max_age is %d, declared is %d", got.MaxAge, want.MaxAge))
	}
	have, declared := patterns(got), patterns(want)
	if lacks := without(declared, have); len(lacks) > 0 {
		out = append(out, "it lacks the mx "+strings.Join(lacks, ", "))
	}
	if more := without(have, declared); len(more) > 0 {
		const shown = 5
		list := strings.Join(more[:min(shown, len(more))], ", ")
		if n := len(more) - shown; n > 0 {
			list += fmt.Sprintf(" and %d more", n)
		}
		out = append(out, "it has the mx "+list+", which is not declared")
	}
	return strings.Join(out, "; ")
}

func patterns(p *mtasts.Policy) []string {
	var out []string
	for _, f := range p.MX {
		out = append(out, strings.ToLower(strings.TrimSuffix(f.Value, ".")))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func without(list, other []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(other, s) {
			out = append(out, s)
		}
	}
	return out
}
