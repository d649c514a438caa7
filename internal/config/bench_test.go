package config

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const benchKey = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqFkrip9uRS6IetlZYJJklrR0W1VX4lOn3uq+z7PmZ5mFDJZT/7liAJjA1p28OXjGuZPFWdntPE1T8bjs0Atygwd+jKD/pAaFbWvsHuFdMQFV8I0hAaxm5MApkYI2mP9wcnRt7Fold6cg+ibCXS07b/17tXi9IV4ExxvwxOJxXpZ1yhC08Twz5kv6GsnI5XQ7yH8YncTjcFNZ/VZ3ViyCnhN/baPthyBYrcN0frGQVMkS5BTVc2HDZdjRyNlsOwt7+9E7f5nDN7Tc/IDTK1q9J/KblQu9yy0ejYiST0ayFbJLB2stQE0HD96fh8+aGEaMxwtBBMrPLe+OSaGzVBlrTwIDAQAB"

func benchFile(i int) []byte {
	return fmt.Appendf(nil, `domain "d%d.example" {
  spf {
    terms = ["include:_spf.google.com", "ip4:192.0.2.%d"]
    all   = "softfail"
  }

  dkim "s1" {
    k = "rsa"
    p = "%s"
  }

  dkim "s2" {
    k = "rsa"
    p = "%s"
  }

  dmarc {
    p   = "reject"
    rua = ["mailto:${domain}@reports.example"]
  }

  tls_rpt {
    rua = ["mailto:tls@reports.example"]
  }

  record "MX" "@" {
    rdata = ["10 mx1.mail.example.", "20 mx2.mail.example."]
  }

  record "A" "@" {
    rdata = ["192.0.2.1"]
  }

  record "AAAA" "@" {
    rdata = ["2001:db8::1"]
  }

  record "CNAME" "www" {
    rdata = ["d%d.example."]
  }

  record "TXT" "_verify" {
    rdata = ["token=0123456789"]
  }
}
`, i, i%256, benchKey, benchKey, i)
}

func benchRepo(n int) map[string][]byte {
	m := map[string][]byte{SettingsFile: []byte("tripod {\n  files = [\"domains/*.hcl\"]\n}\n")}
	for i := range n {
		m[fmt.Sprintf("domains/d%05d.hcl", i)] = benchFile(i)
	}
	return m
}

// BenchmarkDomains loads one block with many names.
func BenchmarkDomains(b *testing.B) {
	src := Map(map[string][]byte{SettingsFile: []byte(defaultSettings), "domains/a.hcl": []byte("domains {\n  profile = \"parked\"\n  names = [" + bombNames(10_000) + "]\n}\n" +
		"profile \"parked\" {\n  spf {\n    all = \"fail\"\n  }\n  dmarc {\n    p = \"reject\"\n    rua = [\"mailto:x@r.example\"]\n  }\n  record \"MX\" \"@\" {\n    rdata = [\"0 .\"]\n  }\n  record \"TXT\" \"*._domainkey\" {\n    rdata = [\"v=DKIM1; p=\"]\n  }\n}\n")})
	b.ReportAllocs()
	for b.Loop() {
		r, diags, err := Load(context.Background(), src)
		if err != nil || len(diags) > 0 || len(r.Domains) != 10_000 {
			b.Fatal(err, diags)
		}
	}
}

// BenchmarkLoad is to be compared with BenchmarkBareParse, which is the least that it can take.
func BenchmarkLoad(b *testing.B) {
	src := Map(benchRepo(1000))
	b.ReportAllocs()
	for b.Loop() {
		r, diags, err := Load(context.Background(), src)
		if err != nil || len(diags) > 0 || len(r.Domains) != 1000 {
			b.Fatal(err, diags)
		}
	}
}

func BenchmarkBareParse(b *testing.B) {
	files := benchRepo(1000)
	list := make([][]byte, 0, len(files))
	for _, f := range files {
		list = append(list, f)
	}
	b.ReportAllocs()
	for b.Loop() {
		err := parallel(len(list), func(i int) error {
			if _, diags := hclsyntax.ParseConfig(list[i], "", hcl.InitialPos); diags.HasErrors() {
				return diags
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// bombNames are elements of a list of names.
func bombNames(n int) string {
	var sb strings.Builder
	for i := range n {
		fmt.Fprintf(&sb, "\"d%d.example\", ", i)
	}
	return sb.String()
}
