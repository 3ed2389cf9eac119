#!/usr/bin/env python3
"""Asks named queries of infra/athena with Trino of what lies in a bucket of records, and prints their rows as JSON.

    tests/athena/named.py JDK LIBRARIES FOLDER DAY

FOLDER holds the bucket's objects under their keys, DAY is the day that they are of. On standard input comes JSON: of each query its name
and its parameters.
"""

import json
import sys
import tempfile
from pathlib import Path

from trino import Bucket, Trino


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    jdk, libraries, bucket = (Path(one).resolve() for one in sys.argv[1:4])
    objects = {str(path.relative_to(bucket)): path.read_bytes() for path in bucket.rglob("*") if path.is_file()}
    with tempfile.TemporaryDirectory() as folder:
        trino = Trino(jdk, libraries, Path(folder).resolve())
        try:
            trino.wait()
            laid = Bucket(trino, "records", objects, sys.argv[4], view="exchanges")
            print(json.dumps([laid.ask(name, *parameters) for name, *parameters in json.load(sys.stdin)]))
        finally:
            trino.stop()


if __name__ == "__main__":
    main()
