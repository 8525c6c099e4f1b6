// Starts Swagger UI on our own document and no other: queryConfigEnabled stays
// false, so that a link with ?url= cannot show somebody else's. The key that is
// typed into "Authorize" is forgotten when the page closes; without autoComplete
// off, the browser would keep it on disk among what was typed into forms.
window.ui = SwaggerUIBundle({
  url: "doc.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  queryConfigEnabled: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [({ React }) => ({
    wrapComponents: { Input: (Input) => (props) => React.createElement(Input, { ...props, autoComplete: "off" }) },
  })],
});
