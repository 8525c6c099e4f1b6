// Package swaggerFiles is Swagger UI for fiber-swagger, in the place of the
// module of that name: the last release of that one carries a DOMPurify with
// known holes, and ten megabytes that no page loads.
//
// SHA256SUMS says where the files come from. To follow Swagger UI, put those of
// a newer swagger-ui-dist here, their sums and origin there, and the version into
// TestDocsAssetsArePinned.
//
// LICENSE and NOTICE are those of Swagger UI; what is bundled with it has its
// own in swagger-ui-bundle.js.LICENSE.txt.
package swaggerFiles

import "embed"

// FS is what the page loads, and nothing else.
//
//go:embed swagger-ui.css swagger-ui-bundle.js favicon-16x16.png favicon-32x32.png
var FS embed.FS
