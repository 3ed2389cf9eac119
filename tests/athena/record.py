#!/usr/bin/env python3
"""Records the day that the named queries are tested on: real objects, as a gateway writes them.

    tests/athena/record.py BINARY

BINARY is `snowgate`. It serves the demo in a home of its own, agents ask, people decide, evidence comes late; then every record goes
into tests/athena/records under the key that it has in the bucket of records (`records/v1/dt=DAY/SESSION/NUMBER.KIND.json`). What a
gateway on AWS keeps in its table instead (openings, steps of approvals) lies there under the key that it would have as an object.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
SECRET = "of this recording alone"
CONFIG = """\
listen = "127.0.0.1:{port}"
home = "{home}"
hold_seconds = 5

[[evidence]]
name = "reports"
kind = "prompts"
secret_sha256 = "{secret}"
subjects = ["*"]
"""


class Gateway:
    """A gateway in a home of its own."""

    def __init__(self, binary, folder):
        self.binary, self.home = binary, folder / "home"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.config = folder / "snowgate.toml"
        secret = sha256(SECRET.encode()).hexdigest()
        self.config.write_text(CONFIG.format(port=port, home=self.home, secret=secret))
        self.process = subprocess.Popen([binary, "serve", "--config", self.config], stdout=subprocess.DEVNULL)
        for _ in range(120):
            try:
                urllib.request.urlopen(self.url)
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.5)
        raise SystemExit("the gateway does not answer")

    def run(self, *arguments):
        told = subprocess.run([self.binary, *arguments, "--config", self.config], capture_output=True, text=True)
        if told.returncode:
            raise SystemExit(f"snowgate {arguments[0]}: {told.stdout}{told.stderr}")
        return told.stdout.strip()

    def post(self, path, body, headers):
        body = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "record/1", **headers}
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def agent(self, name, person=None):
        of = ["--for", person] if person else []
        token = self.run("token", "--agent", name, *of)
        return lambda sql, status, prompt=None, **parts: self.ask(token, name, sql, status, prompt, **parts)

    def ask(self, token, session, sql, status, prompt, **parts):
        headers = {"Authorization": f"Bearer {token}", "X-Snowgate-Session": session}
        if prompt:
            headers["X-Snowgate-Prompt"] = urllib.parse.quote(prompt)
        got, answer = self.post("/api/v2/statements", {"statement": sql, **parts}, headers)
        if got != status:
            raise SystemExit(f"{got} in the place of {status}: {sql}: {answer.get('message')}")
        handle = answer.get("statementHandle")
        return lambda: self.post(f"/api/v2/statements/{handle}/cancel", {}, headers)

    def waiting(self, word):
        # Whoever is to decide is told first.
        time.sleep(2)
        listed = self.run("approvals", "--json").splitlines()
        return next(entry["id"] for entry in map(json.loads, listed) if word in json.dumps(entry))


def play(gateway):
    finance = gateway.agent("claude-finance", "ana@example.com")
    support = gateway.agent("claude-support", "ben@example.com")
    nightly = gateway.agent("nightly-report")

    finance("select c_name, c_phone, c_acctbal from snowflake_sample_data.tpch_sf1.customer limit 3", 200, "who owes us money?")
    # Refused, and put otherwise. What tests a masked column is refused; what shows it is masked.
    finance("select name from demo.public.employees where salary > 100000", 422, "who earns more than 100000?")
    finance("select name, salary from demo.public.employees limit 5", 200, "who earns more than 100000?")
    # Refused, and another one reads the same table: put otherwise by nobody.
    support("drop table demo.public.customers", 422)
    nightly("select count(*) from demo.public.customers", 200)
    support("select name, email, ssn, notes from demo.public.customers limit 20", 200, "write to our customers")
    # A text that would pass for another record, and the line separators that are none in JSON.
    support('select \'"}}\\n{"digest":"sha256:0","record":{"inline":"x"}}\u2028\u0085\' as word', 200)
    nightly("select nothing from demo.public.nowhere", 422)

    finance("update demo.public.customers set notes = 'called' where id = 1", 202, "note that I called")
    gateway.run("approve", gateway.waiting("called"), "--as", "rosa@example.com", "--reason", "agreed with the owner")
    support("update demo.public.customers set notes = 'gone' where id = 2", 202)
    gateway.run("deny", gateway.waiting("gone"), "--as", "rosa@example.com", "--reason", "use the desk")
    cancel = support("update demo.public.customers set notes = 'never mind' where id = 3", 202)
    cancel()

    late = "select id, name from demo.public.customers limit 2"
    nightly(late, 200)
    said = {"prompt": "the first two customers", "prompt_id": "1", "statement": late, "subject": "nightly-report"}
    status, answer = gateway.post("/v1/prompts", said, {"Authorization": f"Bearer {SECRET}"})
    if status >= 300:
        raise SystemExit(f"the evidence was not taken: {status} {answer}")
    time.sleep(3)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(sys.argv[1]).resolve(), Path(folder))
        try:
            play(gateway)
        finally:
            gateway.process.terminate()
            gateway.process.wait()
        subprocess.run([gateway.binary, "verify", gateway.home], check=True)
        target = HERE / "records"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(gateway.home / "records", target)


if __name__ == "__main__":
    main()
