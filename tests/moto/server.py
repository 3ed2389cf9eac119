"""AWS for tests: moto on one port, for as long as standard input is open.

Usage: server.py PORT FRONT. FRONT is where moto sends what its state machines call: a test stands there, answers for the
functions, and passes the rest on to PORT.
"""

import json
import os
import sys
import threading
import urllib.request

port, front = int(sys.argv[1]), sys.argv[2]
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
ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False).start()
configuration = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
configure = urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/config", data=configuration, method="POST")
urllib.request.urlopen(configure).read()
print(f"ready {port}", flush=True)
sys.stdin.read()
os._exit(0)
