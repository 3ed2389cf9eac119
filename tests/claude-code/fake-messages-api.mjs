// A fake of the Messages API, for the real command line of Claude Code: node fake-messages-api.mjs TURNS
//
// It plays the model. TURNS is a JSON array of what it does, each once:
//   {"on": WORDS, "then": [{"text": …} or {"tool": NAME, "input": {…}}, …], "held": NAME}
// A request is answered by the first turn left whose words stand in what came since the model last spoke. A tool that the client has
// deferred is looked for by its ToolSearch first, as a model must. A turn that is held is answered once a line on standard input names it.
//
// It prints one JSON line an event: {"listening": PORT} · {"held": NAME} · {"request": N, "messages", "tools", "output", "began", "ended",
// "model", "turn"} when it has answered (a turn of null is no turn of the script; an output of null, a client that hung up) ·
// {"beyond": HOST} when it, as its client's proxy, is asked for what is not here.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const turns = JSON.parse(process.argv[2]).map((turn, at) => ({ ...turn, at }));
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const id = (kind) => `${kind}_${randomBytes(12).toString("hex")}`;
const now = () => `${process.hrtime.bigint() - started + begun}`;
const started = process.hrtime.bigint();
const begun = BigInt(Date.now()) * 1_000_000n;

const released = new Set();
const waiting = new Map();
const lines = createInterface({ input: process.stdin });
lines.on("line", (name) => {
  released.add(name);
  waiting.get(name)?.();
});
// Whoever started it has gone.
lines.on("close", () => process.exit(0));

const parts = (message) => (Array.isArray(message.content) ? message.content : [{ type: "text", text: message.content }]);

/** All words since the model last spoke, also those within tools' answers. */
function words(messages) {
  const last = messages.slice(messages.findLastIndex((message) => message.role === "assistant") + 1);
  return last.flatMap(parts).map((part) => part.text ?? JSON.stringify(part.content ?? "")).join("\n");
}

/** Whether the model may call that tool: it is sent whole, or was found by a search. */
function isLoaded(name, { tools, messages }) {
  const isFound = () => messages.flatMap(parts).flatMap((part) => (Array.isArray(part.content) ? part.content : []))
    .some((found) => found.type === "tool_reference" && found.tool_name === name);
  return tools.some((tool) => tool.name === name && (!tool.defer_loading || isFound()));
}

/** What the model makes of a request: the turn's place in the script, and the parts of its answer. */
function play(request) {
  const said = words(request.messages);
  const turn = request.tools.length > 0 ? turns.find((one) => !one.isDone && said.includes(one.on)) : undefined;
  if (!turn) return { turn: null, output: [{ type: "text", text: "ok" }] };
  const missing = turn.then.map(({ tool }) => tool).filter((tool) => tool && !isLoaded(tool, request));
  if (missing.length > 0 && !turn.hasSearched && isLoaded("ToolSearch", request)) {
    // The answer to the search is what the turn goes on from.
    Object.assign(turn, { hasSearched: true, on: "" });
    const input = { query: `select:${missing.join(",")}`, max_results: missing.length };
    return { turn: turn.at, output: [{ type: "tool_use", id: id("toolu"), name: "ToolSearch", input }] };
  }
  turn.isDone = true;
  const output = turn.then.map(({ text, tool, input }) =>
    tool ? { type: "tool_use", id: id("toolu"), name: tool, input } : { type: "text", text });
  return { turn: turn.at, held: turn.held, output };
}

/** The events of a stream that says this. */
function* stream(message) {
  yield { type: "message_start", message: { ...message, content: [], stop_reason: null } };
  for (const [index, part] of message.content.entries()) {
    const isText = part.type === "text";
    const delta = isText ? { type: "text_delta", text: part.text } : { type: "input_json_delta", partial_json: JSON.stringify(part.input) };
    yield { type: "content_block_start", index, content_block: isText ? { type: "text", text: "" } : { ...part, input: {} } };
    yield { type: "content_block_delta", index, delta };
    yield { type: "content_block_stop", index };
  }
  yield { type: "message_delta", delta: { stop_reason: message.stop_reason, stop_sequence: null }, usage: { output_tokens: 5 } };
  yield { type: "message_stop" };
}

function json(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

let requests = 0;

async function messages(request, response) {
  const number = (requests += 1);
  const began = now();
  let body = "";
  for await (const piece of request.setEncoding("utf8")) body += piece;
  const asked = { tools: [], ...JSON.parse(body) };
  const { turn, held, output } = play(asked);
  const told = { request: number, turn, model: asked.model, began, messages: asked.messages, tools: asked.tools.map((tool) => tool.name) };
  if (held && !released.has(held)) {
    say({ held });
    await new Promise((resolve) => {
      waiting.set(held, resolve);
      response.on("close", resolve);
    });
  }
  if (response.destroyed) return say({ ...told, ended: now(), output: null });
  const stop_reason = output.some((part) => part.type === "tool_use") ? "tool_use" : "end_turn";
  const message = {
    id: id("msg"), type: "message", role: "assistant", model: asked.model, content: output, stop_reason, stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5 },
  };
  // Written down before it is sent: whoever has the answer finds it here.
  say({ ...told, ended: now(), output });
  if (!asked.stream) return json(response, 200, message);
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  for (const event of stream(message)) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  return response.end();
}

const server = createServer((request, response) => {
  const path = request.url.split("?")[0];
  if (request.method === "POST" && path === "/v1/messages") return messages(request, response);
  if (request.method === "POST" && path === "/v1/messages/count_tokens") return json(response, 200, { input_tokens: 10 });
  if (request.url.startsWith("http")) say({ beyond: request.url.split("/")[2] });
  return json(response, 404, { type: "error", error: { type: "not_found_error", message: "not here" } });
});
server.on("connect", (request, socket) => {
  say({ beyond: request.url });
  socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
});
server.listen(0, "127.0.0.1", () => say({ listening: server.address().port }));
