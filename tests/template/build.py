"""Builds every function as `sam build` does, and measures: the size of each zip, and how long each takes from its process's start until it asks
Lambda for the first event.

    python tests/template/build.py arm64            compiles for arm64; fails where a zip is larger than it may be
    python tests/template/build.py x86_64 FOLDER    compiles nothing: measures the binaries in that folder, of which those of a debug build are too large

Starts are measured where this machine runs what was built; they are told and fail nothing, for they depend on what else it does.
"""

import http.server
import io
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import threading
import time
import zipfile

from templates import ROOT, SEVERAL, resources
from variables import variables

#: Bytes of a zip, at most: of `query` and `seal`, and of each other. What is compiled for x86_64 is a seventh larger.
LARGE, OTHERS = {"arm64": 9_000_000, "x86_64": 10_000_000}, {"arm64": 6_000_000, "x86_64": 7_000_000}
LARGE_ONES = {"query", "seal"}

#: Milliseconds that a start should take at most, and how many are measured.
START = 60
STARTS = 21

HOSTS = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def binaries():
    """The binary of each function, as the template names it."""
    functions = resources("template.yaml", "AWS::Serverless::Function").values()
    return sorted(one["Metadata"]["BuildProperties"]["Binary"] for one in functions)


def compiled(architecture):
    """Compiles all of them with the profile that `sam build` has cargo-lambda take, and gives where each lies."""
    tools = ROOT / ".tools/python/bin"
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    cargo_lambda = shutil.which("cargo-lambda", path=environment["PATH"])
    if cargo_lambda is None:
        sys.exit("cargo-lambda is not installed; run: make tools")
    command = [cargo_lambda, "lambda", "build", "--release", "--locked"]
    command += ["--arm64"] if architecture == "arm64" else ["--x86-64"]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    paths = {}
    for name in binaries():
        # As SAM does: functions/.cargo holds from within their folders alone.
        folder = ROOT / "functions" / name / "lambda"
        subprocess.run([*command, "--bin", name], cwd=folder, env=environment, check=True)
        paths[name] = target / "lambda" / name / "bootstrap"
    return paths


def zipped(path):
    """Bytes of the zip that is uploaded."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "bootstrap")
    return len(packed.getvalue())


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    """Lambda's runtime API as far as a start goes: it notes when it is first asked for an event, and never gives one."""

    def do_GET(self):
        if self.path == "/2018-06-01/runtime/invocation/next":
            self.server.asked_at = time.perf_counter()
            self.server.asked.set()
        # Whoever asks waits, until its process is ended.
        self.server.over.wait()

    def log_message(self, *_):
        pass


def started(path, told):
    """Milliseconds from a process's start until it asks for its first event."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    server.asked, server.over, server.asked_at = threading.Event(), threading.Event(), None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bundles = str(ROOT / "infra/policies")
    environment = {
        "AWS_LAMBDA_FUNCTION_NAME": f"snowgate-{path.parent.name}",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        **{name: value.replace("/opt", bundles) for name, value in told.items()},
    }
    begun = time.perf_counter()
    process = subprocess.Popen([path], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        while not server.asked.wait(0.05):
            if process.poll() is not None:
                raise SystemExit(f"{path} ends before it asks for an event: {process.stderr.read().decode()[-2000:]}")
            if time.perf_counter() - begun > 60:
                raise SystemExit(f"{path} never asks for an event")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        server.over.set()
        server.shutdown()
        server.server_close()
    return (server.asked_at - begun) * 1000


def main(architecture, folder=None):
    if architecture not in ("arm64", "x86_64"):
        sys.exit("an architecture is arm64 or x86_64")
    paths = compiled(architecture) if folder is None else {name: pathlib.Path(folder) / name for name in binaries()}
    runs_here = HOSTS.get(platform.machine().lower()) == architecture and sys.platform == "linux"
    told = variables() | variables(SEVERAL)
    too_large = []
    print(f"{architecture:12} {'zip, bytes':>12} {'at most':>12} {'start, ms (median, most of ' + str(STARTS) + ')':>40}")
    for name, path in paths.items():
        size, most = zipped(path), (LARGE if name in LARGE_ONES else OTHERS)[architecture]
        if size > most:
            too_large.append(name)
        start = "not run here"
        if runs_here:
            took = [started(path, told[name]) for _ in range(STARTS)]
            start = f"{statistics.median(took):.1f}, {max(took):.1f}" + (f" (over {START})" if statistics.median(took) > START else "")
        print(f"{name:12} {size:12,} {most:12,} {start:>40}", flush=True)
    if too_large:
        sys.exit(f"larger than they may be: {', '.join(too_large)}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
