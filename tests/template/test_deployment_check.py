"""`snowgate config check --for aws` knows the parameters of the template, and takes what the template takes."""

import json
import re
import unittest

from templates import ROOT, SAID, SAML, SEVERAL, read
from variables import variables

SOURCE = ROOT / "crates/snowgate/src/deployment"


class Parameters(unittest.TestCase):
    def test_it_knows_every_parameter_with_its_default(self):
        code = (SOURCE / "parameters.rs").read_text()
        body = re.search(r"pub const PARAMETERS[^=]*= \[(.*?)\n\];", code, re.DOTALL)[1]
        found = re.findall(r'\("(\w+)", (?:None|Some\("([^"]*)"\))\)', body)
        needed = {name for name in re.findall(r'\("(\w+)", None\)', body)}
        known = {name: None if name in needed else default for name, default in found}
        wanted = {
            name: str(one["Default"]) if "Default" in one else None
            for name, one in read("template.yaml")["Parameters"].items()
        }
        self.assertEqual(known, wanted)

    def test_what_the_template_refuses_is_refused(self):
        code = (SOURCE / "limits.rs").read_text()
        lists = {name: re.findall(r'"([^"]+)"', body)
                 for name, body in re.findall(r"const (\w+): &\[&str\] =\s*&\[(.*?)\];", code, re.DOTALL)}
        body = re.search(r"pub const LIMITS[^=]*= &\[(.*?)\n\];", code, re.DOTALL)[1]
        patterns = dict(re.findall(r'\(\s*"(\w+)",\s*Pattern\(\s*r#"(.*?)"#', body, re.DOTALL))
        words = {name: lists[told] if told in lists else re.findall(r'"([^"]+)"', told)
                 for name, told in re.findall(r'\(\s*"(\w+)",\s*Words\(\s*&?(\w+|\[.*?\])\s*,?\s*\)', body, re.DOTALL)}
        numbers = {name: (int(least.replace("_", "")), int(most.replace("_", "")))
                   for name, least, most in re.findall(r'\(\s*"(\w+)",\s*Number\(\s*([\d_]+),\s*([\d_]+)', body)}
        anything = set(re.findall(r'\(\s*"(\w+)",\s*Anything\s*,?\s*\)', body))
        parameters = read("template.yaml")["Parameters"]
        self.assertEqual(len(patterns) + len(words) + len(numbers) + len(anything), len(parameters))
        for name, one in parameters.items():
            with self.subTest(parameter=name):
                self.assertEqual(patterns.get(name), one.get("AllowedPattern"))
                self.assertNotIn("MinLength", one)
                self.assertNotIn("MaxLength", one)
                if "AllowedValues" in one:
                    self.assertEqual(words[name], [str(value) for value in one["AllowedValues"]])
                elif one["Type"] == "Number":
                    least, most = numbers[name]
                    self.assertEqual(least, one["MinValue"])
                    self.assertLessEqual(most, one.get("MaxValue", most))
                else:
                    self.assertTrue(name in patterns or name in anything)

    def test_pages_are_kept_for_as_long_as_a_bundle_may_let_a_statement_wait(self):
        fewest = int(re.search(r"const FEWEST_PAGE_DAYS: u64 = (\d+);", (SOURCE / "checks.rs").read_text())[1])
        longest = int(re.search(r"at most (\d+) days\"", (ROOT / "crates/policy/src/settings_file.rs").read_text())[1])
        self.assertEqual(fewest, longest)
        self.assertGreaterEqual(read("template.yaml")["Parameters"]["PageDays"]["Default"], fewest)
        self.assertIn(f"(a bundle may say {longest} days; `config check` tells of fewer)", (ROOT / "infra/README.md").read_text())

    def test_the_longest_name_leaves_room_for_what_functions_and_schedules_are_called(self):
        code = (SOURCE / "checks.rs").read_text()
        longest = int(re.search(r"const LONGEST_NAME: usize = (\d+);", code)[1])
        everything = (ROOT / "template.yaml").read_text()
        # Machines may have 80.
        ends = re.findall(r"(?:FunctionName| {12}Name): !Sub \$\{AWS::StackName\}(-[a-z-]+)\n", everything)
        self.assertGreaterEqual(len(ends), 13)
        self.assertEqual(longest + max(map(len, ends)), 64)

    def test_what_is_checked_is_a_parameter(self):
        code = "\n".join(path.read_text() for path in SOURCE.glob("*.rs") if path.name not in ("parameters.rs", "limits.rs"))
        named = set(re.findall(r'\.(?:get|wrong|attention)\(\s*"(\w+)"', code)) | set(re.findall(r'number\("(\w+)"', code))
        self.assertGreater(len(named), 15)
        self.assertLessEqual(named - {"parameter_overrides", "capabilities", "stack_name"}, set(read("template.yaml")["Parameters"]))

    def test_the_room_that_it_counts_is_what_functions_are_told(self):
        code = (SOURCE / "sizes.rs").read_text()
        by_saml = int(re.search(r"const BY_SAML: usize = (\d+);", code)[1])
        table = re.search(r"const FUNCTIONS[^=]*= \[(.*?)\n\];", code, re.DOTALL)[1]
        entries = re.findall(r'\(\s*"(\w+)",\s*(\d+),\s*&\[(.*?)\],?\s*\)', table, re.DOTALL)
        counted = {name: (int(others), dict(re.findall(r'\("(\w+)", (\d+)\)', own))) for name, others, own in entries}
        # These two are told nothing that an operator makes long.
        self.assertEqual(set(counted), set(variables(SEVERAL)) - {"seal", "index"})

        def size(told):
            return len(json.dumps(told, separators=(",", ":")))

        template = read("template.yaml")
        for said in ({}, SEVERAL, SAML):
            everything = {"SnowflakeDatabase": "SALES", "SnowflakeSchema": "PUBLIC"} | said
            values = {name: one.get("Default", "") for name, one in template["Parameters"].items()} | SAID | everything
            told = variables(everything, template)
            for function, (others, own) in counted.items():
                if function not in told:
                    continue
                rest = size(told[function])
                # Short ones, of which an operator chooses one of few.
                for name in set(values) - {"AuthorizerType", "ReadTags", "IndexDays", "LockMode", "Policies", "HoldSeconds", "Traces", "SnowflakeAccount", "SamlMetadata"} - set(SAML if said is SAML else ()):
                    longer = variables(everything | {name: f"{values[name]}{'x' * 10}"}, template)[function]
                    # A `false` that becomes `true` is a letter less, and no length of anybody's.
                    times = round((size(longer) - size(told[function])) / 10)
                    if times:
                        self.assertEqual(own.get(name), str(times), f"{function} {name}")
                        rest -= times * (len(json.dumps(values[name])) - 2)
                with self.subTest(function=function):
                    self.assertLess(rest + 300, others + (by_saml if said is SAML else 0), "no room for a longer name of the stack")

    def test_the_instances_that_it_counts_are_those_that_the_template_reserves(self):
        code = (SOURCE / "checks.rs").read_text()
        reserved, by_authorizer = (
            int(re.search(rf"const {name}: u64 = (\d+);", code)[1]) for name in ("RESERVED", "RESERVED_BY_AUTHORIZER"))
        functions = (one for one in read("template.yaml")["Resources"].values()
                     if one["Type"] == "AWS::Serverless::Function")
        # Those of auditors are counted always.
        always, sometimes = [], []
        for one in functions:
            is_counted = one.get("Condition") in (None, "HasAuditors")
            (always if is_counted else sometimes).append(one["Properties"]["ReservedConcurrentExecutions"])
        self.assertEqual(sometimes, [by_authorizer])
        counts = always
        self.assertEqual(sum(count for count in counts if isinstance(count, int)), reserved)
        self.assertEqual([count for count in counts if not isinstance(count, int)], [{"Ref": "ConcurrentStatements"}])


if __name__ == "__main__":
    unittest.main()
