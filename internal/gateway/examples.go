package gateway

import (
	"encoding/json"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// exampleID is the request id of the examples.
const exampleID = "5f0c6f0e0c2d4b1f9a3e7d8c6b5a4f3e"

// withExamples returns the OpenAPI document with examples of bodies. swag has one example
// for each type, which would show one error under every status, and a request with every
// field filled in.
func withExamples(document string) string {
	var all map[string]any
	if json.Unmarshal([]byte(document), &all) != nil {
		return document // which make docs never writes
	}
	for path, methods := range object(all["paths"]) {
		for method, described := range object(methods) {
			request, success := examples(path)
			setExample(object(object(described)["requestBody"]), request)
			for status, answer := range object(object(described)["responses"]) {
				if code, err := strconv.Atoi(status); err == nil && code >= 400 {
					setExample(object(answer), exampleProblem(code, method == "post"))
				} else if success != nil {
					setExample(object(answer), success)
				}
			}
		}
	}
	text, err := encodeLine(all)
	if err != nil {
		return document
	}
	return string(text)
}

func object(value any) map[string]any {
	members, _ := value.(map[string]any)
	return members
}

// setExample sets the example of a body, whatever its media type.
func setExample(body map[string]any, example any) {
	for _, content := range object(body["content"]) {
		object(content)["example"] = example
	}
}

// examples returns the body of a request for a path, and of its success; nil where the
// example of the type will do.
func examples(path string) (request, success any) {
	receipt := wol.NewReceipt(wol.MAC{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}, exampleID, []wol.Delivery{
		{Interface: "eth0", Destination: "255.255.255.255:9", Bytes: 102},
		{Interface: "eth0", Destination: "192.168.1.255:9", Bytes: 102},
	}, nil)
	switch path {
	case bulkPath + "/{mac_addr}":
		return wol.Options{}, receipt
	case bulkPath:
		return wol.Targets{Targets: []wol.TargetText{{MAC: receipt.MAC.String()}}}, wol.NewReceipts(exampleID, []wol.Receipt{receipt})
	case "/api/v1/interfaces":
		return nil, wol.Interfaces{
			Interfaces: []wol.Interface{{
				Name: "eth0", Eligible: true, Addresses: []string{"192.168.1.10/24"},
				Destinations: []string{"255.255.255.255:9", "192.168.1.255:9"}, Routes: []string{"default via 192.168.1.1", "192.168.1.0/24"},
			}},
			Findings: []wol.Finding{},
		}
	}
	return nil, nil
}

// exampleProblem returns an error of a status as we answer it.
func exampleProblem(status int, wake bool) *problem.Problem {
	var err error
	switch status {
	case fiber.StatusRequestEntityTooLarge:
		err = ourError(fiber.ErrRequestEntityTooLarge)
	case fiber.StatusUnsupportedMediaType:
		err = notJSON()
	default:
		err = &wol.Error{Kind: kindOf(status)}
	}
	if wake && status == fiber.StatusServiceUnavailable {
		err = &wol.Error{Kind: wol.Unavailable, Message: "nothing was sent: every destination failed, as the list shows",
			Failed: []wol.Failure{{Interface: "eth0", Destination: "192.168.1.255:9", Error: "network is down"}}}
	}
	return problem.From(err).For(exampleID)
}

// kindOf returns the kind of error that has a status.
func kindOf(status int) wol.Kind {
	for _, kind := range []wol.Kind{wol.Invalid, wol.Unauthenticated, wol.Forbidden, wol.RateLimited, wol.BadUpstream, wol.Unavailable, wol.Timeout} {
		if problem.From(&wol.Error{Kind: kind}).Status == status {
			return kind
		}
	}
	return wol.Internal
}
