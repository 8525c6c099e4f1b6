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

// originalGateway is the design that wolgate replaces: a client for every request.
// Its connection to the daemon stays open and idle, and nobody uses it again, which
// costs a descriptor on each side.
func originalGateway(path string, _ io.Writer) error {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/api/v1/wol/:mac", func(c *fiber.Ctx) error {
		client := http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", path)
			},
		}}
		answer, err := client.Post("http://wol-server/wol/"+c.Params("mac"), "application/json", nil)
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

// originalDaemon opens a socket for every packet. It sends one packet a wake, to the
// broadcast of the subnet.
func originalDaemon(path string, _ io.Writer) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mac, err := net.ParseMAC(strings.TrimPrefix(r.URL.Path, "/wol/"))
		if err == nil {
			err = sendOnce(mac)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "mac_addr": mac.String()})
	}))
}

func sendOnce(mac net.HardwareAddr) error {
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(lanBroadcast), Port: wakePort})
	if err != nil {
		return err
	}
	defer conn.Close()
	packet, err := magicpacket.Packet{Target: [6]byte(mac)}.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = conn.Write(packet)
	return err
}
