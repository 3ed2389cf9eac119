"""Every variable that a function reads is set, or left to its default knowingly, and none is set that it does not know.

That the values are good is shown by `tests/tests/lambda/template.rs`, which starts each function with them.
"""

import re
import unittest

from templates import ROOT, SEVERAL, read
from variables import variables

#: Keys that keep their defaults here, by whoever reads them: a file that `SNOWGATE_CONFIG` names in a layer may set them.
LEFT = {
    "query": {"session_idle_minutes", "scopes", "estimates"},
    "work": {"reminders"},
    "approval": set(),
    "evidence": set(),
    "seal": set(),
    "index": set(),
    "sessions": set(),
    "authorizer": set(),
}

#: Who writes the index, or asks it.
INDEXED = {"index", "seal", "sessions"}


def fields(file, name):
    """The fields of a struct, and those of them that need not be set."""
    text = (ROOT / file).read_text()
    body = re.search(rf"^pub struct {name} \{{\n(.*?)^\}}", text, re.MULTILINE | re.DOTALL)[1]
    found = re.findall(r"((?:^    #\[.*\]\n)*)^    pub (\w+): (.*),$", body, re.MULTILINE)
    optional = {field for before, field, kind in found if "serde(default" in before or kind.startswith("Option<")}
    return {field for _, field, _ in found}, optional


def keys(function):
    told = f"functions/{function}/lambda/src/told.rs"
    known, optional = fields(told, "Own")
    # Which `lambda::start` reads of each.
    known, optional = known | {"traces"}, optional | {"traces"}
    if function == "query":
        shared, free = fields("crates/settings/src/shared.rs", "Shared")
        # It does not start without these two, and has a default for two more.
        known, optional = known | shared, optional | (free - {"issuers", "upstream"}) | {"hold_seconds", "session_idle_minutes"}
    return known, optional


def set_by(names):
    return {name.removeprefix("SNOWGATE_").split("__")[0].lower() for name in names}


class Variables(unittest.TestCase):
    def test_what_a_function_reads_is_set_or_left_to_its_default(self):
        for function, names in (variables() | variables(SEVERAL)).items():
            with self.subTest(function=function):
                known, optional = keys(function)
                self.assertTrue(known)
                self.assertLessEqual(set_by(names), known, "it would not start")
                self.assertLessEqual(known - optional, set_by(names), "it would not start")
                self.assertEqual(known - set_by(names), LEFT[function])

    def test_everything_that_state_is_called_is_told_and_nothing_else(self):
        known, optional = fields("crates/lambda/src/stores.rs", "Places")
        self.assertEqual(optional, {"index_table"})
        for function, names in (variables() | variables(SEVERAL)).items():
            told = {name.removeprefix("SNOWGATE_AWS__").lower() for name in names if name.startswith("SNOWGATE_AWS__")}
            self.assertEqual(told, known if function in INDEXED else known - optional, function)

    def test_the_bundle_is_one_that_is_deployed_along_or_was_pushed(self):
        for function, names in variables().items():
            self.assertEqual(names["SNOWGATE_POLICIES"], "/opt/default", function)
        allowed = read("template.yaml")["Parameters"]["Policies"]["AllowedPattern"]
        # By these two the code knows how many people must have said yes.
        code = (ROOT / "crates/lambda/src/stores.rs").read_text()
        for said in ("pushed", "pushed-by-one"):
            self.assertIn(f'"{said}"', code)
            for function, names in variables({"Policies": said}).items():
                self.assertEqual(names["SNOWGATE_POLICIES"], said, function)
        for said in ("/opt/default", "pushed", "pushed-by-one"):
            self.assertRegex(said, allowed)
        for said in ("built-in", "/opt/../etc", "", "pushed-by-two", "/opt/pushed/x"):
            self.assertNotRegex(said, allowed)

    def test_the_default_database_is_told_where_there_is_one(self):
        for function, names in variables().items():
            self.assertFalse({"SNOWGATE_DEFAULTS__DATABASE", "SNOWGATE_DEFAULTS__SCHEMA"} & names.keys(), function)
        told = variables({"SnowflakeDatabase": "SALES", "SnowflakeSchema": "PUBLIC"})
        for function in ("query", "work"):
            self.assertEqual(told[function]["SNOWGATE_DEFAULTS__DATABASE"], "SALES")
            self.assertEqual(told[function]["SNOWGATE_DEFAULTS__SCHEMA"], "PUBLIC")

    def test_scopes_of_reviewers_are_a_list(self):
        for said, expected in (("email", '["email"]'), ("email groups", '["email", "groups"]')):
            told = variables({"ReviewersScopes": said})
            for function in ("query", "work", "approval"):
                self.assertTrue(told[function]["SNOWGATE_REVIEWERS_ISSUER"].endswith(f", scopes = {expected}}}"))

    def test_whose_yes_counts_is_told_alike(self):
        told = variables()
        for name in ("SNOWGATE_REVIEWERS", "SNOWGATE_REVIEWERS_ISSUER", "SNOWGATE_APPROVALS_URL"):
            said = [told[function][name] for function in ("query", "work", "approval")]
            self.assertEqual(len(set(said)), 1, name)

    def test_a_function_looks_at_tokens_where_issuers_are_several_and_whoever_verifies_is_told_the_same(self):
        self.assertNotIn("authorizer", variables())
        told = variables(SEVERAL)
        for function in ("authorizer", "query", "evidence"):
            self.assertEqual(told[function]["SNOWGATE_ISSUERS"], SEVERAL["Issuers"], function)
        self.assertFalse({name for name in told["authorizer"] if "UPSTREAM" in name or "REVIEWERS" in name})

    def test_settings_leave_room_for_reviewers(self):
        # Lambda takes 4 KB of names and values in all.
        for function, names in variables().items():
            size = sum(len(name) + len(value) for name, value in names.items())
            self.assertLess(size, 2048, function)

    def test_only_work_may_write_and_approval_and_evidence_know_no_account(self):
        told = variables()
        self.assertFalse({name for name in told["query"] if "TIERS" in name} - {"SNOWGATE_UPSTREAM__TIERS__READ"})
        for function in ("approval", "evidence", "seal", "index", "sessions"):
            self.assertFalse({name for name in told[function] if "UPSTREAM" in name})

    def test_no_variable_is_a_secret(self):
        for function, names in variables().items():
            for name, value in names.items():
                self.assertNotRegex(value, r"(?i)secret = |token = |password|private_key", f"{function} {name}")


if __name__ == "__main__":
    unittest.main()
