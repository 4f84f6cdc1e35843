package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// certificateFiles serves a certificate from files and reads them again when
// they change: the centre renews a point's certificate and somebody copies it
// there, without a restart.
func certificateFiles(cert, key string) (*tls.Config, error) {
	f := &fileCertificate{cert: cert, key: key}
	if _, err := f.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.get}, nil
}

type fileCertificate struct {
	cert, key string
	mu        sync.Mutex
	changed   time.Time
	loaded    *tls.Certificate
}

// get gives the certificate; one that became unreadable is replaced by the last
// good one.
func (f *fileCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st, err := os.Stat(f.cert)
	if err == nil && f.loaded != nil && st.ModTime().Equal(f.changed) {
		return f.loaded, nil
	}
	c, lerr := tls.LoadX509KeyPair(f.cert, f.key)
	if err = errors.Join(err, lerr); err != nil {
		if f.loaded != nil {
			return f.loaded, nil
		}
		return nil, fmt.Errorf("the certificate in tls-cert and tls-key cannot be used: %w", err)
	}
	f.loaded, f.changed = &c, st.ModTime()
	return f.loaded, nil
}

// acme fetches certificates over the TLS port itself (tls-alpn-01), so port 443
// is the only one to open.
func acme(names []string, email, cache string) *tls.Config {
	m := &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(names...), Email: email, Cache: autocert.DirCache(cache)}
	c := m.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	return c
}

// certificateEnd gives when the certificate in a file ends.
func certificateEnd(path string) (time.Time, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return time.Time{}, errors.New("no certificate in the file")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}, err
	}
	return leaf.NotAfter, nil
}
