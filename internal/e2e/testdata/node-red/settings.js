// What Node-RED is run with under test: the flow beside it, no editor, nothing sent home.
module.exports = {
  flowFile: "flow.json",
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.PORT),
  disableEditor: true,
  telemetry: { enabled: false },
  externalModules: { autoInstall: false, palette: { allowInstall: false } },
  logging: { console: { level: "info" } },
};
