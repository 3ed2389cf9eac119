// Calls tools with the TypeScript SDK: node client.mjs URL TOKEN. Prints the tools' names as one JSON line; then, for each
// line `{"name": …, "arguments": …}` on standard input, `{"isError": …, "told": …}`.
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
const client = new Client({ name: "snowgate-tests", version: "1" });
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

await client.connect(transport);
say((await client.listTools()).tools.map((tool) => tool.name));
for await (const line of createInterface({ input: process.stdin })) {
  const { isError, structuredContent } = await client.callTool(JSON.parse(line));
  say({ isError, told: structuredContent });
}
await client.close();
