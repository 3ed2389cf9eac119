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

    def test_what_is_checked_is_a_parameter(self):
        code = (SOURCE / "checks.rs").read_text()
        named = set(re.findall(r'\.(?:get|wrong|attention)\(\s*"(\w+)"', code)) | set(re.findall(r'number\("(\w+)"', code))
        self.assertGreater(len(named), 15)
        self.assertLessEqual(named - {"parameter_overrides"}, set(read("template.yaml")["Parameters"]))

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
