"""AWS for tests: moto on a free port, for as long as standard input is open.

Usage: server.py FRONT, which prints `ready PORT`. FRONT is where moto sends what its state machines call: a test stands there, answers
for the functions, and passes the rest on to PORT.
"""

import json
import os
import sys
import threading
import urllib.request

front = sys.argv[1]
# Read when moto is imported.
os.environ["MOTO_PORT"] = front
for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
    os.environ.pop(variable, None)

from moto.dynamodb.responses import DynamoHandler  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

# A call of DynamoDB is one step. Moto's threads see the half of each other's: an item that an update makes lies there empty first.
one = threading.Lock()
call_action = DynamoHandler.call_action


def call_alone(handler):
    with one:
        return call_action(handler)


DynamoHandler.call_action = call_alone
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
_, port = server.get_host_and_port()
configuration = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
configure = urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/config", data=configuration, method="POST")
urllib.request.urlopen(configure).read()
print(f"ready {port}", flush=True)
sys.stdin.read()
os._exit(0)
