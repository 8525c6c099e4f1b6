package page

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/lantest"
	"wolgate/internal/problem"
	"wolgate/internal/woltest"
)

const (
	login    = "alice"
	password = "correct horse"
	// hash is its bcrypt of the least cost; that of caddy hash-password takes a second a try.
	hash = "$2a$04$OgrY3x3UVPoL2EPtSXpfZuf.oGYMyHq/e5kYlCubexGlPGoh/e/Ba"
)

// TestProxyLogin runs the two recipes of the guide for a proxy that asks for a login of its
// own, and passes it on.
func TestProxyLogin(t *testing.T) {
	lantest.Require(t)
	p := start(t)
	for name, begin := range map[string]func(*testing.T, *programs) (address string){"nginx": nginxLogin, "caddy": caddyLogin} {
		t.Run(name, func(t *testing.T) {
			address := begin(t, p)
			woltest.AwaitListener(t, address)
			url := "http://" + address + "/api/v1/wol/" + woltest.MAC(1).String()
			if a := ask(t, url, "", "X-API-Key", p.key); a.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic") {
				t.Errorf("without a login: %d %v", a.StatusCode, a.Header)
			}
			if a := ask(t, url, login); a.StatusCode != http.StatusUnauthorized || a.Header.Get("Content-Type") != problem.ContentType {
				t.Errorf("without a key: %d %v", a.StatusCode, a.Header)
			}
			if a := ask(t, url, login, "X-API-Key", p.key); a.StatusCode != http.StatusOK {
				t.Errorf("login and key: %d %v", a.StatusCode, a.Header)
			}
			seen(t, p.lan, woltest.MAC(1))
		})
	}
}

func ask(t *testing.T, url, user string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: woltest.Patience, Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, a.Body)
	_ = a.Body.Close()
	return a
}

// recipe returns a file of the guide with what a user puts into it.
func recipe(t *testing.T, name string, values ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../../docs/examples/proxy-login", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(values); i += 2 {
		if !strings.Contains(string(text), values[i]) {
			t.Fatalf("%s has no %q", name, values[i])
		}
	}
	return strings.NewReplacer(values...).Replace(string(text))
}

func nginxLogin(t *testing.T, p *programs) string {
	program := find(t, "nginx-light", "nginx", "/usr/sbin/nginx")
	at := proxy{Dir: lantest.SharedDir(t), Listen: hostAddress + ":8445", Gateway: "127.0.0.1:" + p.port}
	users := filepath.Join(at.Dir, "htpasswd")
	write(t, users, []byte(login+":{PLAIN}"+password+"\n"))
	write(t, filepath.Join(at.Dir, "location.conf"), []byte(recipe(t, "nginx.conf", "127.0.0.1:8080", at.Gateway, "/etc/nginx/wolgate.htpasswd", users)))
	spawn(t, lantest.Unprivileged(t, program, "-e", "stderr", "-p", at.Dir, "-c", at.fill(t, "login.conf")))
	return at.Listen
}

func caddyLogin(t *testing.T, p *programs) string {
	program := find(t, "caddy", "caddy")
	dir, address := lantest.SharedDir(t), hostAddress+":8446"
	site := recipe(t, "Caddyfile", "wol.example.com", "http://"+address, "127.0.0.1:8080", "127.0.0.1:"+p.port, "alice HASH", "alice "+hash)
	config := filepath.Join(dir, "Caddyfile")
	write(t, config, []byte("{\n\tadmin off\n}\n"+site))
	cmd := lantest.Unprivileged(t, program, "run", "--adapter", "caddyfile", "--config", config)
	cmd.Env = []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	spawn(t, cmd)
	return address
}
