"""That `sam build` takes all of it, but for the functions' own compiling."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

from templates import FILES, ROOT, read, resources


class Build(unittest.TestCase):
    def test_sam_builds_what_is_nested(self):
        sam = pathlib.Path(sys.executable).with_name("sam")
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            shutil.copytree(ROOT / "infra", folder / "infra")
            (folder / "code").mkdir()
            (folder / "code/bootstrap").write_text("not compiled here")
            text = (ROOT / "template.yaml").read_text()
            text = re.sub(r"^      CodeUri: functions/.+$", "      CodeUri: code", text, flags=re.MULTILINE)
            compiled = r"^    Metadata:\n      BuildMethod: rust-cargolambda\n      BuildProperties:\n        Binary: (\w+)$"
            text, functions = re.subn(compiled, "    Metadata: {SkipBuild: true}", text, flags=re.MULTILINE)
            self.assertEqual(functions, len(resources("template.yaml", "AWS::Serverless::Function")))
            (folder / "template.yaml").write_text(text)
            shutil.copy(ROOT / "samconfig.toml", folder)
            run = subprocess.run(
                [sam, "build"], cwd=folder, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, capture_output=True, text=True,
                check=False)
            self.assertEqual(run.returncode, 0, run.stderr[-2000:])
            built = {path.parent.name for path in (folder / ".aws-sam/build").rglob("template.yaml")}
            self.assertEqual(built, {"build", *resources("template.yaml", "AWS::CloudFormation::Stack")})

    def test_each_function_is_built_of_the_binary_of_its_name(self):
        for name, one in resources("template.yaml", "AWS::Serverless::Function").items():
            with self.subTest(function=name):
                self.assertEqual(
                    one["Metadata"], {"BuildMethod": "rust-cargolambda", "BuildProperties": {"Binary": name.lower()}})
                # There `--bin` finds it, which the root's default members do not hold.
                folder = ROOT / one["Properties"]["CodeUri"]
                self.assertEqual(folder, ROOT / "functions" / name.lower() / "lambda")
                binaries = tomllib.loads((folder / "Cargo.toml").read_text())["bin"]
                self.assertEqual([binary["name"] for binary in binaries], [name.lower()])
        architecture = read("template.yaml")["Parameters"]["Architecture"]
        self.assertEqual((architecture["Default"], architecture["AllowedValues"]), ("arm64", ["arm64", "x86_64"]))
        self.assertEqual(read("template.yaml")["Globals"]["Function"]["Architectures"], [{"Ref": "Architecture"}])

    def test_what_a_function_is_built_of_is_told_by_cargo_alone(self):
        # SAM's cache would look at a function's own folder alone, and miss what changed in a crate.
        config = tomllib.loads((ROOT / "samconfig.toml").read_text())
        self.assertIs(config["default"]["build"]["parameters"]["cached"], False)
        # What `cargo lambda build --release` adds where a profile says nothing: fat enough, and small.
        release = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]["release"]
        self.assertEqual(release.keys(), {"package"})
        # What functions are built with besides is found from within their folders.
        config = tomllib.loads((ROOT / "functions/.cargo/config.toml").read_text())
        small = config["profile"]["release"]
        self.assertEqual(small.keys(), {"opt-level", "panic", "package"})
        # What unwinds is left out only of what does not.
        self.assertEqual((small["panic"], config["env"]), ("abort", {"SNOWGATE_PANICS": "abort"}))
        # Whatever ends where it panics is linked without what unwinds.
        for folder in (ROOT / "functions").glob("*/lambda"):
            self.assertEqual(tomllib.loads((folder / "Cargo.toml").read_text())["package"]["build"], "../../build.rs")
        known = {package["name"] for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
        self.assertLessEqual(small["package"].keys(), known)

    def test_building_asks_nothing(self):
        # Without it a version to which Rust is new waits for an answer, and a build that nobody watches stops.
        config = tomllib.loads((ROOT / "samconfig.toml").read_text())
        self.assertIs(config["default"]["build"]["parameters"]["beta_features"], True)

    def test_deploying_needs_no_more_capabilities_than_are_given(self):
        config = tomllib.loads((ROOT / "samconfig.toml").read_text())
        given = config["default"]["deploy"]["parameters"]["capabilities"].split()
        self.assertEqual(given, ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
        for file in FILES:
            for name, one in resources(file, "AWS::IAM::Role").items():
                self.assertNotIn("RoleName", one["Properties"], f"{file} {name} would need CAPABILITY_NAMED_IAM")


if __name__ == "__main__":
    unittest.main()
