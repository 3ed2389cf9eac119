"""What is filled into `infra/snowflake/*.sql` as their heads say it. `tests/tests/acceptance/setup_file.rs` reads the statements themselves."""

import re
import shlex
import unittest

from templates import ROOT

FOLDER = ROOT / "infra/snowflake"


def filled(file):
    """The statements as the example of the head fills them in, and the example."""
    text = (FOLDER / file).read_text()
    head, body = text.split("\n\n", 1)
    command = " ".join(line.removeprefix("--").strip().removesuffix("\\") for line in head.splitlines() if line.startswith("--   "))
    words = shlex.split(command)
    said = dict(words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "-D")
    return re.sub(r"<% (\w+) %>", lambda found: said[found[1]], body), said


class Snowflake(unittest.TestCase):
    def test_each_address_is_a_text_of_its_own(self):
        body, _ = filled("network.sql")
        lists = re.findall(r"VALUE_LIST = \((.*)\);", body)
        self.assertEqual(lists, ["'203.0.113.7/32','203.0.113.8/32'"] * 2)

    def test_what_looks_every_hour_wakes_no_warehouse(self):
        body, said = filled("setup.sql")
        self.assertEqual(set(said), {"aws_issuer", "query_role", "work_role", "database"})
        [alert] = re.findall(r"^CREATE ALERT .*?;$", body, re.MULTILINE | re.DOTALL)
        self.assertNotIn("WAREHOUSE", alert)


if __name__ == "__main__":
    unittest.main()
