package page

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"text/template"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// proxy is what a template of testdata knows.
type proxy struct{ Dir, Listen, Gateway string }

// nginx starts nginx with a certificate that nobody signed.
func nginx(t *testing.T, p *programs) visit {
	t.Helper()
	program := find(t, "nginx-light", "nginx", "/usr/sbin/nginx")
	at := proxy{Dir: lantest.SharedDir(t), Listen: hostAddress + ":8443", Gateway: "127.0.0.1:" + p.port}
	certify(t, at.Dir)
	cmd := lantest.Unprivileged(t, program, "-e", "stderr", "-p", at.Dir, "-c", at.fill(t, "nginx.conf"))
	return at.serve(t, cmd, "ko-KR")
}

// caddy is nginx with a certificate of Caddy's own authority.
func caddy(t *testing.T, p *programs) visit {
	t.Helper()
	program := find(t, "caddy", "caddy")
	at := proxy{Dir: lantest.SharedDir(t), Listen: hostAddress + ":8444", Gateway: "127.0.0.1:" + p.port}
	cmd := lantest.Unprivileged(t, program, "run", "--adapter", "caddyfile", "--config", at.fill(t, "Caddyfile"))
	cmd.Env = []string{"HOME=" + at.Dir, "XDG_DATA_HOME=" + at.Dir, "XDG_CONFIG_HOME=" + at.Dir, "PATH=" + os.Getenv("PATH")}
	return at.serve(t, cmd, "en-US")
}

// find returns the first of these programs that is installed; pkg is where Debian has it.
func find(t *testing.T, pkg string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	skip.Because(t, names[0]+" is not installed: apt-get install "+pkg)
	return ""
}

// fill writes a file of testdata with its names filled in.
func (p proxy) fill(t *testing.T, name string) string {
	t.Helper()
	text, err := template.ParseFiles(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := text.Execute(&b, p); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.Dir, name)
	write(t, path, b.Bytes())
	return path
}

// serve starts the proxy and returns once it speaks TLS. What the browser is to trust
// is that very certificate (--ignore-certificate-errors-spki-list), and no other.
func (p proxy) serve(t *testing.T, cmd *exec.Cmd, language string) visit {
	t.Helper()
	var said woltest.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	spawn(t, cmd)
	for deadline := time.Now().Add(woltest.Patience); ; time.Sleep(20 * time.Millisecond) {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Second}, "tcp", p.Listen, &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
			_ = conn.Close()
			return visit{"https://" + p.Listen + "/wol", base64.StdEncoding.EncodeToString(sum[:]), language}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not serve: %v\n%s", cmd.Path, err, said.String())
		}
	}
}

// certify makes a certificate for hostAddress, signed by itself.
func certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: hostAddress},
		IPAddresses:  []net.IP{net.ParseIP(hostAddress)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	write(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// write makes a file that a proxy without privileges can read.
func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
