//! What a deployment needs besides its parameters: what SAM is told, and what it builds with.

use std::path::Path;

use super::checks::Findings;

/// What roles and nested stacks need.
const CAPABILITIES: [&str; 2] = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"];

impl Findings<'_> {
    /// What else the section says.
    pub(super) fn section(&mut self) {
        if let Some(given) = self.told.setting("capabilities") {
            let has = |wanted: &str| {
                let named = wanted.replace("_IAM", "_NAMED_IAM");
                given.split([' ', ',']).any(|one| one == wanted || one == named)
            };
            if !CAPABILITIES.iter().all(|wanted| has(wanted)) {
                self.wrong(
                    "capabilities",
                    format!(
                        "lack what the stack needs, and CloudFormation would end it: write capabilities = \"{}\"",
                        CAPABILITIES.join(" ")
                    ),
                );
            }
        }
    }

    /// Whether `sam build` finds what it compiles with. Somebody else may build it.
    pub(super) fn tools(&mut self, path: &str) {
        let is_here = |program: &str| std::env::split_paths(path).any(|folder| is_program(&folder, program));
        for (program, what, next) in [
            (
                "sam",
                "there is no sam on the PATH here, by which it is built and deployed",
                "pip install aws-sam-cli",
            ),
            (
                "cargo-lambda",
                "there is no cargo-lambda on the PATH here, and sam build compiles the functions by it",
                "pip install cargo-lambda (it brings Zig, which links for another architecture)",
            ),
        ] {
            if !is_here(program) {
                self.attention("Architecture", format!("{what}; next: {next}"));
            }
        }
    }
}

fn is_program(folder: &Path, program: &str) -> bool {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    folder.is_absolute() && folder.join(name).is_file()
}
