"""The runbook names what there is: files, parameters, outputs, limits, and everything that is to be taken away again."""

import re
import unittest

from rights import lines, roles
from templates import ROOT, read, resources

TEXT = (ROOT / "infra/README.md").read_text()


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]


class Runbook(unittest.TestCase):
    def test_the_first_table_names_every_file(self):
        table = TEXT.split("\n## ")[0]
        for path in sorted((ROOT / "infra").iterdir()):
            name = path.name
            if name not in ("README.md", "athena", "snowflake"):
                self.assertRegex(table, rf"[`/]{re.escape(name)}/?[`\]]", name)
        for path in (ROOT / "infra/snowflake").iterdir():
            self.assertIn(path.name, table)

    def test_every_parameter_is_named(self):
        for name in read("template.yaml")["Parameters"]:
            self.assertIn(f"`{name}", TEXT, name)

    def test_every_output_that_it_names_is_one(self):
        outputs = set(read("template.yaml")["Outputs"])
        named = set(re.findall(r"outputs? `(\w+)`", TEXT)) | set(re.findall(r"is the output (\w+)", TEXT))
        named -= {"Issuers", "AuditorsKeys"}  # Of the user pool's own stack.
        self.assertGreater(len(named), 8)
        self.assertLessEqual(named, outputs)
        # Names that only the nested stack of state makes, and people need.
        state = set(read("infra/state.yaml")["Outputs"])
        told = {f"State.Outputs.{name}" for name in state if not name.endswith("TableArn")}
        given = {one["Value"]["Fn::GetAtt"] if isinstance(one["Value"].get("Fn::GetAtt"), str) else ".".join(one["Value"].get("Fn::GetAtt", []))
                 for one in read("template.yaml")["Outputs"].values() if isinstance(one["Value"], dict)}
        self.assertLessEqual(told, given)

    def test_what_is_switched_on_again_is_what_the_template_reserves(self):
        reserved = {name.lower(): one["Properties"]["ReservedConcurrentExecutions"]
                    for name, one in resources("template.yaml", "AWS::Serverless::Function").items()}
        reserved["query"] = read("template.yaml")["Parameters"]["ConcurrentStatements"]["Default"]
        said = dict(re.findall(r'^(?:done <<< ")?(\w+) (\d+)"?(?:$|    #)', section("Revoke an agent, a person or a session"), re.MULTILINE))
        said |= dict(re.findall(r"`(seal|index)` with (\d+)", section("Restore")))
        self.assertEqual(set(said), {"query", "work", "approval", "evidence", "seal", "index"})
        for name, instances in said.items():
            self.assertEqual(int(instances), reserved[name], name)

    def test_before_a_restore_everything_is_stopped_that_writes_what_is_restored(self):
        writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
        writers = {name.lower() for name, role in roles().items()
                   for what, on, _ in lines(role) if on in ("StateTableArn", "KeysTableArn") and writes & set(what.split())}
        [stopped] = re.findall(r"for function in ([\w ]+); do", section("Revoke an agent, a person or a session"))
        self.assertEqual(set(stopped.split()), writers)
        # Queues go on telling a function that may not run, and give up what it did not take.
        told = {name.lower() for name, one in resources("template.yaml", "AWS::Serverless::Function").items()
                if any(event["Type"] == "SQS" for event in one["Properties"].get("Events", {}).values())}
        [others] = re.findall(r"for function in ([\w ]+); do", section("Restore"))
        self.assertEqual(set(others.split()), told)

    def test_what_is_put_back_is_what_the_code_keeps_under_these_keys(self):
        [kinds] = re.findall(r"for kind in (.*); do", section("Restore"))
        granted = {key for role in roles().values() for _, on, bound in lines(role) if on == "StateTableArn" for key in bound.split()[1:]}
        granted.add("revocation_acts")
        for kind in kinds.split():
            self.assertTrue(any(key.startswith(kind) for key in granted), kind)
        # A ledger that comes back before its openings tells the sweep of nothing.
        self.assertLess(kinds.index("session#"), kinds.index("principal#"))
        # By these the sweep finds a ledger that is to be looked through.
        code = "".join(path.read_text() for path in (ROOT / "crates/aws/src/exchanges").glob("*.rs"))
        for word in ('LEDGERS: &str = "ledgers"', '"ledger"', '"due_in"', '"due_us"'):
            self.assertIn(word, code)
        self.assertIn('if .sk.S == "ledger" then . + {due_in: {S: "ledgers"}, due_us: {N: "0"}} else . end', section("Restore"))
        # Where a bundle or whoever is revoked is not known yet, nobody should be let in.
        self.assertLess(kinds.index("revoked#"), kinds.index("session#"))

    def test_the_table_of_rights_tells_who_makes_and_reads_keys(self):
        heads, *rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in section("Rights").splitlines() if row.startswith("|")]
        [row] = [row for row in rows if row[0].startswith("the master key")]
        found = {}
        for name, role in roles().items():
            of = [(what, on) for what, on, _ in lines(role)]
            master = {action for what, on in of if on.endswith("keys/master") for action in what.split()}
            session = {action for what, on in of if on == "KeysTableArn" for action in what.split()}
            if "dynamodb:PutItem" in session:
                found[name.lower()] = "makes, reads"
            elif session:
                found[name.lower()] = "makes the master key, reads" if "s3:PutObject" in master else "reads"
            else:
                self.assertFalse(master, name)
        self.assertEqual({name: cell for name, cell in zip(heads[1:], row[1:]) if cell != "–"}, found)

    def test_nothing_that_takes_minutes_is_called_with_the_cli_s_own_patience(self):
        calls = re.findall(r"^.*aws lambda invoke.*$", TEXT, re.MULTILINE)
        self.assertEqual(len(calls), 2)
        for call in calls:
            self.assertIn("--cli-read-timeout 0", call)

    def test_a_template_that_is_too_long_without_a_bucket_has_one(self):
        for path in (ROOT / "infra").glob("*.yaml"):
            # CloudFormation takes 51,200 bytes itself.
            if path.stat().st_size > 45_000:
                command = re.search(rf"aws cloudformation deploy --template-file infra/{path.name}.*?\n```", TEXT, re.DOTALL)
                # What another one nests, SAM puts into its own bucket.
                if f"TemplateURL: infra/{path.name}" not in (ROOT / "template.yaml").read_text():
                    self.assertIn("--s3-bucket", command[0], path.name)

    def test_a_tear_down_takes_away_all_that_stays(self):
        said = section("Tear down")
        retained = {name for name, one in resources("template.yaml").items()
                    if one.get("DeletionPolicy") == "Retain" and not name.endswith("Log")}
        for name in retained:
            self.assertIn(f"`{name}`", said)
        tables = resources("infra/state.yaml", "AWS::DynamoDB::Table")
        self.assertEqual(len(tables), 3)
        self.assertIn("for each of the three", said)
        outputs = [name for name in read("template.yaml")["Outputs"] if name.endswith(("Table", "Bucket")) or name in ("KeptTopic", "KeyArn", "SamlPool")]
        for name in outputs:
            self.assertIn(f"`{name}`", said)

    def test_the_key_is_deleted_once_the_statement_is_gone_that_forbids_it(self):
        said = section("Tear down")
        [taken] = re.findall(r'select\(\.Sid == "(\w+)"\)', said)
        statements = resources("infra/state.yaml")["Key"]["Properties"]["KeyPolicy"]["Statement"]
        [forbids] = [one for one in statements if "kms:ScheduleKeyDeletion" in one["Action"] and one["Effect"] == "Deny"]
        self.assertEqual(taken, forbids["Sid"])
        self.assertLess(said.index("aws kms put-key-policy"), said.index("aws kms schedule-key-deletion"))
        # Of a deployment that failed, too.
        [step] = re.findall(r"once its policy \[lets you\]\(#tear-down\) \(step (\d+) there\)", section("First deployment"))
        self.assertRegex(said, rf"(?m)^{step}\. Delete `Key`")
        # What an organisation forbids is what makes everything unreadable.
        for action in [*forbids["Action"], "kms:PutKeyPolicy"]:
            self.assertIn(f'"{action}"', section("What is kept where"))

    def test_a_tear_down_drops_all_that_was_made_in_snowflake(self):
        said = section("Tear down")
        for path in (ROOT / "infra/snowflake").iterdir():
            made = re.findall(r"^CREATE .*?(?:IF NOT EXISTS|OR REPLACE VIEW) ([A-Z_.]+)", path.read_text(), re.MULTILINE)
            self.assertTrue(made, path.name)
            for name in made:
                # What lies in its database goes with it.
                self.assertIn(f"`{name.split('.')[0]}`", said, path.name)


if __name__ == "__main__":
    unittest.main()
