"""checkov's checks of every template, and the ones that it is wrong about or that are left to whoever deploys.

Run with the templates' tests: `tests/template/run.sh`. An exception that is not needed any more fails, too.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from templates import FILES, ROOT

CHECKOV = os.environ.get("CHECKOV", str(ROOT / ".tools/checkov/bin/checkov"))

FUNCTIONS = ("Query", "Work", "Approval", "Evidence", "Seal", "Index", "Sessions", "Authorizer")

#: What fails, why that is meant, and where.
EXCEPTIONS = {
    "CKV_AWS_18": (
        "S3's own access logs come late and leave some out; README.md says how CloudTrail tells every look",
        {"infra/state.yaml Records", "infra/state.yaml Pages", "infra/athena.yaml Results"},
    ),
    "CKV_AWS_21": (
        "results lie under names of their own, expire, and can be asked for again",
        {"infra/athena.yaml Results"},
    ),
    "CKV_AWS_26": (
        "what tells that the key is gone cannot be encrypted under it; alarms hold names and numbers, and go out by mail",
        {"infra/watch.yaml Operators"},
    ),
    "CKV_AWS_27": (
        "queues are encrypted, by SQS's own key; they hold `{\"task\": \"sweep\"}` and names of objects",
        {f"template.yaml {name}" for name in ("Undone", "Closed", "Untold", "Unsealed", "ToIndex", "Unindexed")},
    ),
    "CKV_AWS_116": (
        "they are called and answered; what `work` is called for by the schedule has a destination instead",
        {f"template.yaml {name}" for name in FUNCTIONS},
    ),
    "CKV_AWS_117": (
        "a VPC needs NAT or endpoints that stand idle; README.md says what to add",
        {f"template.yaml {name}" for name in FUNCTIONS},
    ),
    "CKV_AWS_158": (
        "logs hold no statement, no value and no secret, and are encrypted by CloudWatch's own key",
        {f"template.yaml {name}Log" for name in ("Api", *FUNCTIONS)} | {"infra/page.yaml Log"},
    ),
    "CKV_AWS_173": (
        "no variable is a secret, and all are encrypted by Lambda's own key",
        {f"template.yaml {name}" for name in FUNCTIONS},
    ),
}


def failed():
    command = [CHECKOV, "--file", *FILES, "--framework", "cloudformation", "--output", "json", "--skip-download", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "infra", pathlib.Path(folder) / "infra")
        # checkov passes over what a condition leaves out, so everything is there.
        text = (ROOT / "template.yaml").read_text()
        if text.count("Default: jwt\n") != 1:
            raise AssertionError("the authorizer is there by another parameter")
        (pathlib.Path(folder) / "template.yaml").write_text(text.replace("Default: jwt\n", "Default: lambda\n"))
        run = subprocess.run(
            command, cwd=folder, env={**os.environ, "LOG_LEVEL": "CRITICAL"}, capture_output=True, text=True, check=False)
    # 1: something failed, as it must here.
    if run.returncode != 1:
        raise AssertionError(f"checkov ended with {run.returncode}: {run.stderr[-2000:]}")
    told = json.loads(run.stdout)
    if told["summary"]["parsing_errors"]:
        raise AssertionError(f"checkov cannot read {told['results']['parsing_errors']}")
    found = {}
    for one in told["results"]["failed_checks"]:
        file, name = one["file_path"].lstrip("/"), one["resource"].rsplit(".", 1)[-1]
        found.setdefault(one["check_id"], set()).add(f"{file} {name}")
    return found, told["summary"]["passed"]


class Checkov(unittest.TestCase):
    def test_what_checkov_finds_is_what_is_meant(self):
        self.maxDiff = None
        wanted = {check: where for check, (_, where) in EXCEPTIONS.items()}
        found, passed = failed()
        self.assertEqual(found, wanted)
        # It did look: alone, `state.yaml` has more than twenty.
        self.assertGreater(passed, 80)


if __name__ == "__main__":
    unittest.main()
