package sandbox_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

func loadCertificate(t *testing.T, dir string, now time.Time) sandbox.Certificate {
	t.Helper()
	certificate, err := sandbox.LoadCertificate(t.Context(), dir, now)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// authority reads the certificate that a client has to trust.
func authority(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(readFile(t, file))
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		t.Fatalf("%s should hold one certificate and nothing else", file)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestCertificateIsKeptWhileItIsGood(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "sandbox")
	now := time.Now()
	first := authority(t, loadCertificate(t, dir, now).AuthorityFile)
	tests := []struct {
		name string
		at   time.Time
		kept bool
	}{
		{"at once", now, true},
		{"after months", now.AddDate(0, 11, 0), true},
		{"by a clock that is a little behind", now.Add(-time.Minute), true},
		{"in its last hours", now.Add(365*24*time.Hour - time.Hour), false},
		{"when it has expired", now.AddDate(3, 0, 0), false},
		{"before its time", now, false}, // that of the one which the case above has made
	}
	for _, test := range tests {
		next := authority(t, loadCertificate(t, dir, test.at).AuthorityFile)
		if next.Equal(first) != test.kept {
			t.Errorf("%s: kept is %v, expected %v", test.name, !test.kept, test.kept)
		}
		first = next
	}
}

func TestDamagedCertificateIsReplaced(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	loadCertificate(t, other, time.Now())
	damages := map[string]func(path string) error{
		"empty":          func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"missing":        os.Remove,
		"no PEM":         func(path string) error { return os.WriteFile(path, []byte("whale"), 0o600) },
		"cut short":      func(path string) error { return os.Truncate(path, 200) },
		"open to others": func(path string) error { return os.Chmod(path, 0o666) },
		"of another sandbox": func(path string) error {
			return os.WriteFile(path, readFile(t, filepath.Join(other, filepath.Base(path))), 0o600)
		},
	}
	for name, damage := range damages {
		for _, file := range []string{"ca.crt", "docker-hub.pem"} {
			dir := filepath.Join(t.TempDir(), "sandbox")
			loadCertificate(t, dir, time.Now())
			if err := damage(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
			broken := allFiles(t, dir)
			loadCertificate(t, dir, time.Now())
			mended := allFiles(t, dir)
			if mended == broken {
				t.Errorf("%s %s: nothing was made anew", file, name)
			}
			loadCertificate(t, dir, time.Now())
			if allFiles(t, dir) != mended {
				t.Errorf("%s %s: what was made anew is not good either", file, name)
			}
		}
	}
}

// TestFolderOfOthers is refused, and nothing is put there.
func TestFolderOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	for _, mode := range []os.FileMode{0o720, 0o702, 0o777} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := sandbox.LoadCertificate(t.Context(), dir, time.Now()); !errors.Is(err, sandbox.ErrSharedFolder) || allFiles(t, dir) != "" {
			t.Errorf("mode %o: %v, files %q", mode, err, allFiles(t, dir))
		}
	}
}

// TestKeyThatOthersCouldRead may be known to them: narrowing its mode would not help.
func TestKeyThatOthersCouldRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "sandbox")
	path := filepath.Join(dir, "docker-hub.pem")
	loadCertificate(t, dir, time.Now())
	before := readFile(t, path)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	loadCertificate(t, dir, time.Now())
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || bytes.Equal(readFile(t, path), before) {
		t.Errorf("the key is as it was, with the mode %v (%v)", info.Mode(), err)
	}
	// The authority is for others to read, as a Docker engine does.
	after := readFile(t, path)
	if err := os.Chmod(filepath.Join(dir, "ca.crt"), 0o644); err != nil {
		t.Fatal(err)
	}
	loadCertificate(t, dir, time.Now())
	if !bytes.Equal(readFile(t, path), after) {
		t.Error("an authority that others can read was made anew")
	}
}

func TestCertificateFilesAreTheUsersOwn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "sandbox")
	loadCertificate(t, dir, time.Now())
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "ca.crt"): 0o600, filepath.Join(dir, "docker-hub.pem"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, expected %o", path, got, want)
		}
	}
}

// TestAuthorityIsForDockerHubAlone signs with a key of its own in place of the authority's, which
// nobody has: the limits are a matter of the authority's certificate.
func TestAuthorityIsForDockerHubAlone(t *testing.T) {
	limited := authority(t, loadCertificate(t, t.TempDir(), time.Now()).AuthorityFile)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent := make509(t, limited, limited, key, key)
	roots := x509.NewCertPool()
	roots.AddCert(parent)
	tests := map[string]struct {
		leaf x509.Certificate
		ok   bool
	}{
		"hub.docker.com":       {x509.Certificate{DNSNames: []string{"hub.docker.com"}}, true},
		"registry-1.docker.io": {x509.Certificate{DNSNames: []string{"registry-1.docker.io"}}, true},
		"docker.com":           {x509.Certificate{DNSNames: []string{"docker.com"}}, false},
		"example.com":          {x509.Certificate{DNSNames: []string{"hub.docker.com", "example.com"}}, false},
		"localhost":            {x509.Certificate{DNSNames: []string{"localhost"}}, false},
		"127.0.0.1":            {x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, false},
		"::1":                  {x509.Certificate{IPAddresses: []net.IP{net.IPv6loopback}}, false},
	}
	for name, test := range tests {
		test.leaf.NotBefore, test.leaf.NotAfter = limited.NotBefore, limited.NotAfter
		_, err := make509(t, &test.leaf, parent, key, key).Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	intermediate := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, NotBefore: limited.NotBefore, NotAfter: limited.NotAfter}
	between := x509.NewCertPool()
	under := make509(t, intermediate, parent, key, key)
	between.AddCert(under)
	leaf := &x509.Certificate{DNSNames: []string{"hub.docker.com"}, NotBefore: limited.NotBefore, NotAfter: limited.NotAfter}
	if _, err := make509(t, leaf, under, key, key).Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err == nil {
		t.Error("an authority below it is trusted")
	}
}

// make509 signs a certificate.
func make509(t *testing.T, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	copied := *template
	copied.SerialNumber, copied.SignatureAlgorithm, copied.SubjectKeyId, copied.PublicKey = nil, 0, nil, key.Public()
	if template == parent {
		parent = &copied
	}
	der, err := x509.CreateCertificate(rand.Reader, &copied, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestAuthorityKeyIsForgotten holds that what is on disk cannot sign.
func TestAuthorityKeyIsForgotten(t *testing.T) {
	dir := t.TempDir()
	limited := authority(t, loadCertificate(t, dir, time.Now()).AuthorityFile)
	rest := []byte(allFiles(t, dir))
	keys := 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			continue
		}
		keys++
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if key, ok := parsed.(*ecdsa.PrivateKey); !ok || key.PublicKey.Equal(limited.PublicKey) {
			t.Errorf("the key of the authority is on disk: %T", parsed)
		}
	}
	if keys != 1 {
		t.Errorf("there are %d keys on disk", keys)
	}
}

func TestSandboxesThatStartTogetherAgree(t *testing.T) {
	dir := t.TempDir()
	const count = 8
	seen := make([][]byte, count)
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			certificate, err := sandbox.LoadCertificate(t.Context(), dir, time.Now())
			if err != nil {
				t.Error(err)
				return
			}
			seen[i], _ = os.ReadFile(certificate.AuthorityFile)
		})
	}
	group.Wait()
	if len(seen[0]) == 0 || slices.ContainsFunc(seen, func(one []byte) bool { return !bytes.Equal(one, seen[0]) }) {
		t.Error("they do not have the same authority")
	}
}

func TestCertificateCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "ca.crt"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{file, filepath.Join(file, "below"), taken} {
		if _, err := sandbox.LoadCertificate(t.Context(), where, time.Now()); err == nil {
			t.Errorf("%s: no error", where)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sandbox.LoadCertificate(ended, filepath.Join(dir, "new"), time.Now()); err == nil {
		t.Error("no error when the program is to end")
	}
}

// allFiles is what is in the files of a folder.
func allFiles(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for _, path := range paths {
		text += string(readFile(t, path))
	}
	return text
}
