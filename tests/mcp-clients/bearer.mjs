// Adds an access token to every request, for clients that cannot: `node bearer.mjs URL TOKEN` listens on this machine, prints
// its own address, and hands everything on to the gateway at URL. It ends when its standard input does.
import { createServer, request } from "node:http";

const [url, token] = process.argv.slice(2);
const gateway = new URL(url);

const server = createServer((incoming, outgoing) => {
  const { port } = server.address();
  const headers = { ...incoming.headers, authorization: `Bearer ${token}` };
  // To its clients it goes by a name of its own; any other name is handed on as it came.
  for (const own of [`127.0.0.1:${port}`, `localhost:${port}`]) {
    if (headers.host === own) headers.host = gateway.host;
    if (headers.origin === `http://${own}`) headers.origin = gateway.origin;
  }
  const { hostname: host, port: to } = gateway;
  const passed = request({ host, port: to, method: incoming.method, path: incoming.url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  passed.on("error", () => outgoing.destroy());
  outgoing.on("close", () => passed.destroy());
  incoming.pipe(passed);
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.resume().on("end", () => {
  server.close();
  server.closeAllConnections();
});
