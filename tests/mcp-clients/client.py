"""Calls tools with the Python SDK: client.py URL TOKEN auto|legacy (with or without a handshake).

Prints the tools' names as one JSON line; then, for each line `{"name": ..., "arguments": ...}` on standard input,
with `"meta"` for what goes into `_meta`, `{"isError": ..., "told": ...}`.
"""

import asyncio
import json
import sys

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client


def say(value) -> None:
    print(json.dumps(value), flush=True)


async def main(url: str, token: str, mode: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            say([tool.name for tool in (await client.list_tools()).tools])
            while line := await asyncio.to_thread(sys.stdin.readline):
                call = json.loads(line)
                result = await client.call_tool(call["name"], call["arguments"], meta=call.get("meta"))
                say({"isError": result.is_error, "told": result.structured_content})


asyncio.run(main(*sys.argv[1:]))
