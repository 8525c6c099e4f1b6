package engine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// variant is a compose file with a proxy, run in a copy of deploy/, because nginx wants a
// certificate beside it.
type variant struct {
	dir string
	env []string
}

func (w *world) variant(t *testing.T, proxy string, env ...string) variant {
	t.Helper()
	dir := filepath.Join(w.dir, "tmp", proxy, "deploy")
	must(t, os.CopyFS(dir, os.DirFS("../../../deploy")))
	return variant{dir, append(env, "COMPOSE_FILE=compose."+proxy+".yaml")}
}

func (w *world) proxyImage(t *testing.T, v variant, proxy string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(v.dir, "compose."+proxy+".yaml"))
	must(t, err)
	name := regexp.MustCompile(`image: (` + proxy + `:\S+)`).FindStringSubmatch(string(text))
	if name == nil {
		t.Fatalf("compose.%s.yaml names no image", proxy)
	}
	return name[1]
}

func proxies(t *testing.T, w *world) {
	for name, run := range map[string]func(*testing.T, *world){"caddy": caddy, "nginx": nginx, "traefik": traefik} {
		t.Run(name, func(t *testing.T) { run(t, w) })
	}
}

func caddy(t *testing.T, w *world) {
	v := w.variant(t, "caddy", "DOMAIN=localhost")
	w.caddy(t, w.proxyImage(t, v, "caddy"))
	behind(t, w, v, "caddy")
}

func nginx(t *testing.T, w *world) {
	v := w.variant(t, "nginx")
	w.nginx(t, w.proxyImage(t, v, "nginx"))
	certificate(t, filepath.Join(v.dir, "nginx/certs"))
	behind(t, w, v, "nginx")
}

// behind starts a variant, and asks it from the Internet.
func behind(t *testing.T, w *world, v variant, proxy string) {
	compose := func(args ...string) string {
		t.Helper()
		return w.runIn(t, v.dir, v.env, "docker-compose", args...)
	}
	defer compose("down", "--volumes")
	defer func() {
		if t.Failed() {
			t.Log(compose("logs", "--tail=20"))
		}
	}()
	key := regexp.MustCompile(`\bwol_\S+`).FindString(compose("run", "--rm", "keys", "add", "first", "--scope", "wake", "--scope", "admin"))
	compose("up", "-d")
	c := w.client("https://localhost", key).from(w.wan, hostOnWAN)
	w.wakes(t, c, proxy)

	mac := w.mac()
	if status, body := c.wake(mac, "X-Forwarded-For", "192.0.2.66", "X-Real-IP", "192.0.2.66", "Forwarded", "for=192.0.2.66"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if got := w.source(t, w.id(t, "api-server"), mac); got != routerAddress {
		t.Errorf("the audit log says that %s woke, and it was %s", got, routerAddress)
	}

	plain := w.client("http://localhost", key).from(w.wan, hostOnWAN)
	mac = w.mac()
	if status, body := plain.wake(mac); status != http.StatusForbidden || !strings.Contains(body, "Revoke") {
		t.Errorf("a key over plain HTTP: %d %s", status, body)
	}
	byAddress := w.client("http://"+hostOnWAN, key).from(w.wan, hostOnWAN)
	if status, body := byAddress.wake(mac); status != http.StatusForbidden || !strings.Contains(body, "Revoke") {
		t.Errorf("a key over plain HTTP to an address: %d %s", status, body)
	}
	// A 200 is a wake, and never a proxy that knows no such name.
	if status := w.run(t, "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", "-H", "Host: other.example", "https://localhost/api/v1/wol/"+mac); status == "200" {
		t.Error("without a key, by another name, a wake is answered with 200")
	}
	status, head, _ := plain.ask(http.MethodGet, "/swagger/")
	if to := head.Get("Location"); status != http.StatusPermanentRedirect || to != "https://localhost/swagger/" {
		t.Errorf("GET by plain HTTP: %d, to %q", status, to)
	}
	for _, path := range []string{"/swagger/", "/swagger/swagger-ui.css", "/swagger/doc.json"} {
		if status, _, body := c.ask(http.MethodGet, path); status != http.StatusOK || len(body) < 500 {
			t.Errorf("%s: %d, %d bytes", path, status, len(body))
		}
	}
	w.shut(t, proxy)
	for _, service := range []string{proxy, "api-server", "wol-server"} {
		w.run(t, "docker", "restart", w.id(t, service))
		w.wakes(t, c, "restart of "+service)
	}
	if n := w.lan.copies(mac); n > 0 {
		t.Errorf("a wake by plain HTTP was refused, and %d packets left", n)
	}
}

// hostProxy checks that what a reverse proxy of the host itself says of a client is believed.
func (w *world) hostProxy(t *testing.T, c *client, gateway string) {
	t.Helper()
	mac := w.mac()
	if status, body := c.wake(mac, "X-Forwarded-For", "192.0.2.44"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if got := w.source(t, gateway, mac); got != "192.0.2.44" {
		t.Errorf("behind a proxy on the host, the audit log says that %s woke", got)
	}
}

// source returns what the audit log of a gateway says of who woke a target.
func (w *world) source(t *testing.T, id, mac string) (source string) {
	t.Helper()
	until(t, "the audit log has a line for "+mac, func() error {
		for line := range strings.Lines(w.run(t, "sh", "-c", "docker logs "+id+" 2>&1")) {
			var entry struct{ Msg, Source string }
			if strings.Contains(line, mac) && json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "audit" {
				source = entry.Source
				return nil
			}
		}
		return fmt.Errorf("none yet")
	})
	return source
}

// certificate makes what certbot would have left.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "fullchain.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "privkey.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

// traefik cannot be run here; docker-compose reads the file.
func traefik(t *testing.T, w *world) {
	v := w.variant(t, "traefik", "EMAIL=you@example.com")
	out := w.runIn(t, v.dir, append(v.env, "DOMAIN=wol.example.com"), "docker-compose", "config")
	for _, want := range []string{"wol-server:", "api-server:", "API_TRUSTED_PROXIES: 172.30.83.2", "internal: true", "acme.email=you@example.com"} {
		if !strings.Contains(out, want) {
			t.Errorf("docker-compose config has no %q:\n%s", want, out)
		}
	}
	if out, err := w.tryIn(v.dir, v.env, "docker-compose", "config"); err == nil || !strings.Contains(out, "is the name of this host") {
		t.Errorf("without DOMAIN: %v, %s", err, out)
	}
}
