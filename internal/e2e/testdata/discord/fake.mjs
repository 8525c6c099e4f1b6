// The part of Discord that a bot with one slash command meets: REST and gateway.
//
// A line {"user":"1","computer":"desktop"} on standard input becomes an
// interaction. What the bot does is written to standard output, one JSON object
// a line: {"at":"listening","api":…} first, then "commands", "identify",
// "callback" and "edit". As Discord does, it knows an interaction that has not
// been answered within 3 s no more, and edits no answer that has not been given.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { WebSocketServer } from "ws";

const application = "900000000000000001", guild = "900000000000000002", channel = "900000000000000003";
const bot = { id: application, username: "wake", discriminator: "0000", avatar: null, bot: true };
const tell = (event) => process.stdout.write(JSON.stringify(event) + "\n");
const sent = new Map(); // interaction token, to when it was sent
const answered = new Set();
let connection;
let sequence = 0;

const server = createServer(async (request, response) => {
  let text = "";
  for await (const part of request) text += part;
  const body = text ? JSON.parse(text) : undefined;
  const path = new URL(request.url, "http://discord").pathname.replace("/api/v10", "");
  const answer = (status, json) => {
    response.writeHead(status, json && { "Content-Type": "application/json" });
    response.end(json && JSON.stringify(json));
  };
  const route = `${request.method} ${path}`;
  if (!path.startsWith("/interactions/") && !path.startsWith("/webhooks/") && request.headers.authorization !== "Bot token-of-the-test") {
    return answer(401, { message: "401: Unauthorized", code: 0 });
  }
  if (route === "GET /gateway/bot") {
    const limit = { total: 1000, remaining: 1000, reset_after: 0, max_concurrency: 1 };
    return answer(200, { url: `ws://127.0.0.1:${server.address().port}`, shards: 1, session_start_limit: limit });
  }
  if (route === "GET /applications/@me") return answer(200, { id: application });
  if (route === `PUT /applications/${application}/guilds/${guild}/commands`) {
    tell({ at: "commands", commands: body });
    return answer(200, body);
  }
  const [, callback] = route.match(/^POST \/interactions\/\d+\/([^/]+)\/callback$/) ?? [];
  if (callback && Date.now() - sent.get(callback) < 3000) {
    answered.add(callback);
    tell({ at: "callback", type: body.type, flags: body.data?.flags });
    return answer(204);
  }
  const [, edit] = route.match(/^PATCH \/webhooks\/\d+\/([^/]+)\/messages\/(?:@|%40)original$/) ?? [];
  if (answered.has(edit)) {
    tell({ at: "edit", content: body.content, mentions: body.allowed_mentions });
    return answer(200, {
      id: "900000000000000009", channel_id: channel, content: body.content, author: bot, type: 20, flags: 64,
      timestamp: new Date().toISOString(), edited_timestamp: null, attachments: [], embeds: [], mentions: [],
      mention_roles: [], components: [], pinned: false, tts: false, mention_everyone: false,
    });
  }
  tell({ at: "unexpected", route });
  answer(404, { message: "404: Not Found", code: 0 });
});

new WebSocketServer({ server }).on("connection", (socket) => {
  connection = socket;
  const send = (packet) => socket.send(JSON.stringify(packet));
  send({ op: 10, d: { heartbeat_interval: 45_000 } });
  socket.on("message", (data) => {
    const { op, d } = JSON.parse(data);
    if (op === 1) return send({ op: 11 });
    if (op !== 2) return;
    tell({ at: "identify", intents: d.intents });
    const ready = { v: 10, user: bot, guilds: [], session_id: "s", resume_gateway_url: `ws://127.0.0.1:${server.address().port}`, shard: [0, 1], application: { id: application, flags: 0 } };
    send({ op: 0, s: ++sequence, t: "READY", d: ready });
  });
});

createInterface({ input: process.stdin }).on("line", (line) => {
  const { user, computer } = JSON.parse(line);
  const id = String(910000000000000000n + BigInt(++sequence));
  sent.set(`token-${id}`, Date.now());
  connection.send(JSON.stringify({
    op: 0, s: sequence, t: "INTERACTION_CREATE",
    d: {
      id, application_id: application, token: `token-${id}`, type: 2, version: 1, guild_id: guild, channel_id: channel,
      member: { user: { id: user, username: "u", discriminator: "0", avatar: null }, roles: [], joined_at: "2020-01-01T00:00:00Z", permissions: "0", deaf: false, mute: false, flags: 0 },
      data: { id: "920000000000000001", name: "wake", type: 1, options: [{ type: 3, name: "computer", value: computer }] },
      locale: "ko", guild_locale: "ko", app_permissions: "0", entitlements: [], authorizing_integration_owners: {}, context: 0, attachment_size_limit: 0,
    },
  }));
}).on("close", () => process.exit(0));

server.listen(0, "127.0.0.1", () => tell({ at: "listening", api: `http://127.0.0.1:${server.address().port}/api` }));
