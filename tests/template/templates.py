"""The templates as CloudFormation reads them, and as SAM spells them out."""

import functools
import logging
import os
import pathlib

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# SAM wants to know for which region it spells out; any will do.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ROOT = pathlib.Path(__file__).resolve().parents[2]

#: What an operator says; whatever is not here keeps its default.
SAID = {
    "Issuer": "https://issuer.example",
    "Audience": "snowgate",
    "SnowflakeAccount": "ACME-DEV",
    "AuditorsIssuer": "https://people.example",
    "AuditorsAudience": "snowgate-audit",
    "ReviewersIssuer": "https://people.example",
    "ReviewersClient": "snowgate-approvals",
    "Reviewers": '[{email = "rosa@acme.example", groups = ["data-reviewers"]}]',
}

#: The same where issuers are several.
SEVERAL = {
    "AuthorizerType": "lambda",
    "Issuer": "",
    "Audience": "",
    "Issuers": '[{issuer = "https://one.example", audience = ["snowgate"], algorithms = ["ES256"]}, '
               '{issuer = "https://two.example", audience = ["snowgate"]}]',
}

#: The same where people come from a SAML provider.
SAML = {
    "Issuer": "", "Audience": "", "ReviewersIssuer": "", "ReviewersClient": "",
    "SamlMetadata": "https://saml.example/metadata", "SamlLoginName": "acme-snowgate",
}

#: Every template: the one that is deployed, and what it nests.
FILES = ["template.yaml", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "infra").glob("*.yaml"))]


def read(name):
    """One template, with `!Ref` and the like as the functions that they stand for."""
    return yaml_parse((ROOT / name).read_text())


def resources(name, kind=None):
    """The resources of a template by name, all or those of one type."""
    found = read(name)["Resources"]
    # A loop over reviewers: its body is the one resource in it.
    for loop in [key for key in found if key.startswith("Fn::ForEach")]:
        found.update(found.pop(loop)[2])
    return {name: one for name, one in found.items() if kind in (None, one["Type"])}


class NoManagedPolicies:
    """SAM asks for the names of AWS's own policies, of which none is used here."""

    def load(self):
        return {}


@functools.cache
def spelt_out():
    """`template.yaml` after SAM: what CloudFormation is given, roles and permissions that SAM adds included."""
    template = read("template.yaml")
    for one in template["Resources"].values():
        # Where code lies once it is built and uploaded.
        for key in ("CodeUri", "ContentUri", "DefinitionUri"):
            if key in one.get("Properties", {}):
                one["Properties"][key] = "s3://bucket/key"
    values = {name: one.get("Default") for name, one in template["Parameters"].items()} | SAID
    values |= {"AWS::Region": "eu-central-1", "AWS::Partition": "aws"}
    return transform(template, values, NoManagedPolicies())["Resources"]


def listed(value):
    """A list, also where CloudFormation lets a single one stand for it."""
    return value if isinstance(value, list) else [value]


def text(value):
    """A value in one line: `Name` for a reference, the text of `Fn::Sub` without the beginning of an ARN."""
    match value:
        case str():
            return value
        case int():
            return str(value)
        case {"Ref": name}:
            return name
        case {"Fn::GetAtt": names}:
            return ".".join(listed(names))
        case {"Fn::Sub": pattern}:
            return pattern.replace(":${AWS::Region}:${AWS::AccountId}:", ":::").replace("arn:${AWS::Partition}:", "")
    return repr(value)
