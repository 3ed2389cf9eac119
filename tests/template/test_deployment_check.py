"""`snowgate config check --for aws` knows the parameters of the template, and takes what the template takes."""

import re
import unittest

from templates import ROOT, read

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

    def test_the_longest_name_leaves_room_for_what_functions_and_schedules_are_called(self):
        code = (SOURCE / "checks.rs").read_text()
        longest = int(re.search(r"const LONGEST_NAME: usize = (\d+);", code)[1])
        everything = (ROOT / "template.yaml").read_text()
        # Machines may have 80.
        ends = re.findall(r"(?:FunctionName| {12}Name): !Sub \$\{AWS::StackName\}(-[a-z]+)\n", everything)
        self.assertGreaterEqual(len(ends), 7)
        self.assertEqual(longest + max(map(len, ends)), 64)

    def test_what_is_checked_is_a_parameter(self):
        code = "".join((SOURCE / name).read_text() for name in ("checks.rs", "rehearsal.rs"))
        named = set(re.findall(r'\.(?:get|wrong|attention)\(\s*"(\w+)"', code)) | set(re.findall(r'number\("(\w+)"', code))
        self.assertGreater(len(named), 15)
        self.assertLessEqual(named - {"parameter_overrides", "stack_name"}, set(read("template.yaml")["Parameters"]))

    def test_the_instances_that_it_counts_are_those_that_the_template_reserves(self):
        code = (SOURCE / "checks.rs").read_text()
        reserved = int(re.search(r"const RESERVED: u64 = (\d+);", code)[1])
        functions = (one["Properties"] for one in read("template.yaml")["Resources"].values()
                     if one["Type"] == "AWS::Serverless::Function")
        counts = [one["ReservedConcurrentExecutions"] for one in functions]
        self.assertEqual(sum(count for count in counts if isinstance(count, int)), reserved)
        self.assertEqual([count for count in counts if not isinstance(count, int)], [{"Ref": "ConcurrentStatements"}])


if __name__ == "__main__":
    unittest.main()
