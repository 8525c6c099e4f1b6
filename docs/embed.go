// Package docs holds the OpenAPI document that swag generates from the
// annotations in internal/gateway (make docs).
package docs

import _ "embed"

// OpenAPI is the document as generated. What docs.go registers with swag is the
// same with a member "schemes" added, which OpenAPI 3.1 does not have.
//
//go:embed swagger.json
var OpenAPI string
