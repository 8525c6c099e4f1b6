package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/magicpacket"
)

// What this program does instead when its arguments are one of these words and the path
// of a socket.
const (
	bareDaemonRole      = "bare-daemon"
	bareGatewayRole     = "bare-gateway"
	originalDaemonRole  = "original-daemon"
	originalGatewayRole = "original-gateway"
)

func standIns() map[string]func(socket string) error {
	return map[string]func(string) error{
		bareDaemonRole:      bareDaemon,
		bareGatewayRole:     bareGateway,
		originalDaemonRole:  originalDaemon,
		originalGatewayRole: originalGateway,
	}
}

// originalGateway is the design that wolgate replaced: a client for every request. Its
// connection to the daemon stays open and idle and is never used again, which costs a
// descriptor on each side.
func originalGateway(path string) error {
	return forward(func() *http.Client { return socketClient(path) })
}

// bareGateway is what Fiber and net/http need for two hops: no key and no log, but
// connections that are kept.
func bareGateway(path string) error {
	client := socketClient(path)
	return forward(func() *http.Client { return client })
}

func socketClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}
}

func forward(client func() *http.Client) error {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/api/v1/wol/:mac", func(c *fiber.Ctx) error {
		answer, err := client().Post("http://wol-server/wol/"+c.Params("mac"), "application/json", nil)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		return c.Status(answer.StatusCode).Type("json").Send(body)
	})
	return app.Listen(gatewayAddress)
}

// originalDaemon opens a socket for every packet.
func originalDaemon(path string) error {
	return serve(path, func(packet []byte) error {
		conn, err := dialLAN()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write(packet)
		return err
	})
}

// bareDaemon has one socket.
func bareDaemon(path string) error {
	conn, err := dialLAN()
	if err != nil {
		return err
	}
	return serve(path, func(packet []byte) error {
		_, err := conn.Write(packet)
		return err
	})
}

func serve(path string, send func(packet []byte) error) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mac, err := net.ParseMAC(strings.TrimPrefix(r.URL.Path, "/wol/"))
		if err == nil {
			var packet []byte
			if packet, err = (magicpacket.Packet{Target: [6]byte(mac)}).MarshalBinary(); err == nil {
				err = send(packet)
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "mac_addr": mac.String()})
	}))
}

func dialLAN() (*net.UDPConn, error) {
	return net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(lanBroadcast), Port: wakePort})
}
