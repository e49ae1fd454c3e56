package sandbox

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
	"github.com/docker-pat/docker-pat/internal/regularfile"
)

const (
	authorityFile = "ca.crt"
	hubFile       = "docker-hub.pem" // certificate and key together, so that they always fit

	certificateLifetime = 365 * 24 * time.Hour
	certificateRest     = 24 * time.Hour // less than this is not enough to begin with
	certificateLead     = time.Hour      // before it is made: clocks differ
	certificateWait     = 10 * time.Second
	certificateMax      = 1 << 20 // bytes of a file
)

// ErrSharedFolder says that others could change what lies in the folder for certificates.
var ErrSharedFolder = errors.New("others on this machine may write into this folder")

// A Certificate is what the sandbox shows as Docker Hub, and the authority that a client has to trust.
type Certificate struct {
	AuthorityFile string // PEM, the value of SSL_CERT_FILE
	pair          tls.Certificate
}

// LoadCertificate reads the certificate that is kept in a folder, which is made with mode 0700 when it
// is missing. One that is missing, damaged, or at its end at the time now is made anew, together with
// its authority. Until then both stay, so that a program which has read the authority, as dockerd
// does once, trusts the next sandbox too.
//
// A folder that others may write is refused with ErrSharedFolder: they could put an authority of their own
// there. A key that others could read, or an authority that they could write, is as good as damaged.
//
// The authority can speak for Docker Hub's names alone, and its key is forgotten once it has signed.
func LoadCertificate(ctx context.Context, dir string, now time.Time) (Certificate, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Certificate{}, fmt.Errorf("find the folder for certificates: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Certificate{}, fmt.Errorf("make the folder for certificates: %w", err)
	}
	if err := checkFolder(dir); err != nil {
		return Certificate{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, certificateWait)
	defer cancel()
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		return Certificate{}, fmt.Errorf("take the lock %s: %w", lock.Path(), err)
	}
	certificate, err := loadOrMake(ctx, dir, now)
	return certificate, errors.Join(err, lock.Unlock())
}

// checkFolder looks at the bits for group and others. Windows has none.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the folder for certificates: %w", err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o022 != 0 {
		return fmt.Errorf("%s (mode %04o): %w", dir, mode, ErrSharedFolder)
	}
	return nil
}

func loadOrMake(ctx context.Context, dir string, now time.Time) (Certificate, error) {
	known, err := readSafe(ctx, filepath.Join(dir, authorityFile), 0o022)
	if err != nil {
		return Certificate{}, err
	}
	key, err := readSafe(ctx, filepath.Join(dir, hubFile), 0o077)
	if err != nil {
		return Certificate{}, err
	}
	certificate := Certificate{AuthorityFile: filepath.Join(dir, authorityFile)}
	if certificate.pair, err = checkCertificate(known, key, now); err == nil {
		return certificate, nil
	}
	authority, hub, err := makeCertificate(now)
	if err != nil {
		return Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	if certificate.pair, err = checkCertificate(authority, hub, now); err != nil {
		return Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return certificate, errors.Join(
		atomicfile.Write(filepath.Join(dir, hubFile), hub, atomicfile.Options{}),
		atomicfile.Write(certificate.AuthorityFile, authority, atomicfile.Options{}))
}

// readSafe returns nothing for a file that is missing, or whose mode has one of these bits.
func readSafe(ctx context.Context, path string, bits fs.FileMode) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&bits != 0 {
		return nil, nil
	}
	data, err := regularfile.Read(ctx, path, certificateMax)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return data, nil
}

// checkCertificate does what a client will do, for each name, now and until there is only the rest.
func checkCertificate(authority, hub []byte, now time.Time) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(hub, hub)
	if err != nil {
		return tls.Certificate{}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	for _, name := range dockerHubNames {
		for _, at := range []time.Time{now, now.Add(certificateRest)} {
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at}); err != nil {
				return tls.Certificate{}, err
			}
		}
	}
	return pair, nil
}

// makeCertificate makes an authority and what it signs, both in PEM.
func makeCertificate(now time.Time) (authority, hub []byte, err error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	hubKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	parent := authorityTemplate(now)
	authorityDER, err := x509.CreateCertificate(rand.Reader, parent, parent, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, nil, err
	}
	if parent, err = x509.ParseCertificate(authorityDER); err != nil {
		return nil, nil, err
	}
	hubDER, err := x509.CreateCertificate(rand.Reader, hubTemplate(now), parent, hubKey.Public(), authorityKey)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(hubKey)
	if err != nil {
		return nil, nil, err
	}
	authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authorityDER})
	hub = bytes.Join([][]byte{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hubDER}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil)
	return authority, hub, nil
}

// authorityTemplate permits Docker Hub's names and forbids every IP address.
// Source: RFC 5280, section 4.2.1.10: a kind of name that is not mentioned would be free.
func authorityTemplate(now time.Time) *x509.Certificate {
	everyIP := []*net.IPNet{
		{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
		{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
	}
	return &x509.Certificate{
		Subject:                     pkix.Name{CommonName: "hub-sandbox, an authority for this machine alone"},
		NotBefore:                   now.Add(-certificateLead),
		NotAfter:                    now.Add(certificateLifetime),
		KeyUsage:                    x509.KeyUsageCertSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLenZero:              true,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         dockerHubNames,
		ExcludedIPRanges:            everyIP,
	}
}

func hubTemplate(now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: "hub-sandbox"},
		NotBefore:             now.Add(-certificateLead),
		NotAfter:              now.Add(certificateLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              dockerHubNames,
	}
}
