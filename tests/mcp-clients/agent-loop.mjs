// Plays an agent over the TypeScript SDK: node agent-loop.mjs URL TOKEN. It knows nothing of the gateway but what each answer
// tells: `status`, `handle`, `next_row`, `retry_after_seconds` and the words of `message`. Prints one JSON line a step, waits for
// a line on standard input where an answer says that a person must decide, and ends with `{"step":"done", …}`.
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, token] = process.argv.slice(2);
const requestInit = { headers: { Authorization: `Bearer ${token}` } };
const client = new Client({ name: "agent-loop", version: "1" });
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (step, told) => process.stdout.write(`${JSON.stringify({ step, ...told })}\n`);
const sent = new Map();

async function call(name, args) {
  const key = `${name} ${JSON.stringify(args)}`;
  sent.set(key, (sent.get(key) ?? 0) + 1);
  const progress = [];
  const options = { onprogress: ({ message }) => progress.push(message) };
  const { structuredContent } = await client.callTool({ name, arguments: args }, undefined, options);
  return { ...structuredContent, progress };
}

// A goal is a list of statements that would reach it, the best first. The next one is tried only when an answer says that the
// same would be refused again; what an answer says to wait for or to collect is waited for and collected.
async function reach(goal, statements) {
  const columns = new Set();
  for (const statement of statements) {
    let answer = await call("run_sql", { statement, user_request: goal, max_rows: 1000, wait_seconds: 3 });
    while (answer.status === "waiting" || answer.status === "running") {
      say(answer.status, { goal, message: answer.message, progress: answer.progress, waits_for: answer.waits_for });
      if (answer.status === "waiting") await lines.next();
      answer = await call("get_result", { handle: answer.handle, max_rows: 1000, wait_seconds: 18 });
    }
    if (answer.status === "refused" || answer.status === "failed") {
      const is_final = answer.message.includes("would be refused again") && answer.retry_after_seconds === undefined;
      say(answer.status, { goal, message: answer.message, is_final });
      if (is_final) continue;
      return undefined;
    }
    let rows = answer.rows.length;
    answer.columns.filter((column) => column.masked).forEach((column) => columns.add(column.name));
    const first = answer;
    while (answer.next_row !== undefined) {
      const more = { handle: answer.handle, from_row: answer.next_row, max_rows: 1000 };
      answer = await call("get_result", more);
      rows += answer.rows.length;
    }
    say("rows", { goal, rows, row_count: first.row_count, masked: [...columns], message: first.message });
    return columns;
  }
  return undefined;
}

const masked = await reach("who has a social security number that begins with 1", [
  "select name from customers where ssn like '1%'",
  "select id, ssn from customers order by id limit 5",
]);
// What is masked stays masked however it is asked for: the answer says so, and it is not asked for again.
if (!masked?.has("SSN")) throw new Error("nothing told that SSN is masked");
await reach("remove cancelled orders", ["delete from orders where status = 'cancelled'"]);
await reach("every order of the sample", ["select o_orderkey from snowflake_sample_data.tpch_sf1.orders order by 1 limit 4200"]);
const repeated = [...sent].filter(([key, count]) => key.startsWith("run_sql") && count > 1).map(([key]) => key);
say("done", { repeated, calls: [...sent.values()].reduce((sum, count) => sum + count, 0) });
await client.close();
process.exit(0);
