package engine

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"wolgate/internal/wol"
)

// client asks a gateway, from the host itself or from beyond one of its LANs. It is for one
// goroutine.
type client struct {
	base string
	keys []string // in turn, because each has a rate of its own
	next int
	http *http.Client
}

func (w *world) client(base string, keys ...string) *client {
	return &client{base: base, keys: keys, http: &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}}
}

// from has the client dial from beyond a LAN, for every name in a URL, so that no
// resolver is needed.
func (c *client) from(lan *witness, address string) *client {
	c.http.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, name string) (conn net.Conn, err error) {
		_, port, err := net.SplitHostPort(name)
		if err != nil {
			return nil, err
		}
		err = lan.Beyond(func() (err error) {
			conn, err = (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, net.JoinHostPort(address, port))
			return err
		})
		return conn, err
	}
	return c
}

// mac returns a new one.
func (w *world) mac() string {
	n := w.macs.Add(1)
	return net.HardwareAddr{2, 0xee, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}.String()
}

// ask returns the status, which is 0 where there was no answer, and the body.
func (c *client) ask(method, path string, head ...string) (int, http.Header, string) {
	request, err := http.NewRequest(method, c.base+path, nil)
	if err != nil {
		return 0, nil, err.Error()
	}
	for i := 0; i < len(head); i += 2 {
		request.Header.Set(head[i], head[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err.Error()
	}
	return response.StatusCode, response.Header, string(body)
}

func (c *client) wake(mac string, head ...string) (int, string) {
	key := c.keys[c.next%len(c.keys)]
	c.next++
	status, _, body := c.ask(http.MethodPost, "/api/v1/wol/"+mac, append(head, "Authorization", "Bearer "+key)...)
	return status, body
}

// wakes waits until a wake is answered with 200, and checks that its receipt names the
// interfaces of the host and that the packet is on the LAN.
func (w *world) wakes(t *testing.T, c *client, why string) {
	t.Helper()
	var mac, body string
	until(t, why+": a wake is answered with 200", func() error {
		var status int
		mac = w.mac()
		if status, body = c.wake(mac); status != http.StatusOK {
			time.Sleep(200 * time.Millisecond)
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	receipt, err := wol.ParseReceipt([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range receipt.Sent {
		names = append(names, d.Interface)
	}
	slices.Sort(names)
	if names = slices.Compact(names); !slices.Equal(names, []string{"lan0", "wan0"}) || receipt.Status != wol.Sent {
		t.Errorf("%s: the receipt names %v: %s", why, names, body)
	}
	w.arrives(t, mac, 1, why)
}

// arrives checks that so many packets for a MAC, at least, are on the LAN.
func (w *world) arrives(t *testing.T, mac string, want int, why string) {
	t.Helper()
	if err := within(10*time.Second, func() error {
		if n := w.lan.copies(mac); n < want {
			return fmt.Errorf("%s: %d packets for %s on the LAN, want %d", why, n, mac, want)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
