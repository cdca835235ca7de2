package recv

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"

	"relayctl/internal/input"
	"relayctl/internal/recv/localca"
)

// tlsConfig returns how the receiver proves who it is, nil for plain HTTP. It
// drops an authority that is not used.
func tlsConfig(cfg *Config) (*tls.Config, error) {
	if cfg.TLS == TLSOff {
		cfg.Authority = nil
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if cfg.CertFile != "" || cfg.KeyFile != "" {
		pair, err := readPair(cfg)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", cfg.CertFile, cfg.KeyFile, err)
		}
		cfg.Authority = nil
		config.Certificates = []tls.Certificate{pair}
		return config, nil
	}
	if cfg.Authority == nil {
		a, err := localca.New()
		if err != nil {
			return nil, err
		}
		cfg.Authority = a
	}
	var err error
	config.GetCertificate, err = cfg.Authority.CertificateFor(hostOf(cfg.Addr))
	return config, err
}

// maxPEM bounds a file of a certificate or a key.
const maxPEM = 1 << 20

func readPair(cfg *Config) (pair tls.Certificate, err error) {
	ctx := cmp.Or(cfg.Interrupt, context.Background())
	cert, err := input.ReadFile(ctx, cfg.CertFile, maxPEM)
	if err != nil {
		return pair, err
	}
	key, err := input.ReadFile(ctx, cfg.KeyFile, maxPEM)
	if err != nil {
		return pair, err
	}
	return tls.X509KeyPair(cert, key)
}
