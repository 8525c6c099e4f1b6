// setting returns a variable of .env; without it the program ends.
export function setting(name) {
  if (process.env[name]) return process.env[name];
  console.error(`${name} is not set: copy env.example to .env, fill it in, and load it with: set -a && . ./.env`);
  process.exit(1);
}

// Targets by name, at most 25: Discord shows no more choices.
export const targets = new Map(setting("TARGETS").split(",").filter((t) => t.trim()).map((t) => t.split("=").map((part) => part.trim())));
const url = setting("WOLGATE_URL").replace(/\/+$/, "");
const key = setting("WOLGATE_KEY");

// wake asks wolgate once and says in words what came of it. It does not throw.
export async function wake(name) {
  const mac = targets.get(name);
  if (!mac) return `There is no computer named ${name} here.`;
  let answer;
  try {
    answer = await fetch(`${url}/api/v1/wol/${mac}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(15_000),
    });
  } catch (error) {
    console.error(error);
    return "Failed: the gateway does not answer.";
  }
  const body = await answer.json().catch(() => ({})); // a proxy's error page is no JSON
  if (body.status === "sent") return `Magic packet for ${name} sent. Give it a minute.`;
  if (body.status === "partial") return `Magic packet sent, but not to every network: ${body.failed[0].error}.`;
  console.error(`wolgate: ${answer.status} ${body.code} ${body.detail} request_id=${body.request_id}`);
  const wait = answer.headers.get("retry-after");
  return `Failed: ${body.detail ?? `HTTP ${answer.status}`}${wait ? ` (try again in ${wait} s)` : ""}`;
}
