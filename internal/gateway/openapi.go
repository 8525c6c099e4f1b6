package gateway

// The general part of the OpenAPI document, for swag; the routes are described
// beside their handlers. There, @Produce holds for the answers below it, and the
// last one decides what swag adds to the successes: hence json, problem, json.
//
//	@title			wolgate
//	@version		1
//	@description	Wakes computers: sends Wake-on-LAN magic packets from the host that wol-server runs on. A packet is *sent*; nothing here knows whether a computer has woken.
//	@license.name	MIT
//
//	@externalDocs.description	Errors are problem details (RFC 9457)
//	@externalDocs.url			https://www.rfc-editor.org/rfc/rfc9457
//
//	@servers.url			..
//	@servers.description	this server, wherever it is mounted
//
//	@tag.name	wake
//	@tag.name	daemon
//	@tag.name	health
//
//	@securityDefinitions.bearerauth	Key
//	@description					A key from `api-server keys add NAME`. This page forgets it when it is closed.

// Of each comment, swag takes the name of one scheme.
//
//	@securityDefinitions.apikey	KeyHeader
//	@in							header
//	@name						X-API-Key
//	@description				The same key, for a proxy that asks for a login of its own in Authorization. Fill in one of the two.
