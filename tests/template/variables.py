"""The variables of each function, with the parameters of `templates.SAID` filled in. Run by itself, it tells them as JSON: `jwt`, where API
Gateway looks at tokens, `lambda`, where a function does, and `saml`, where people come from a SAML provider."""

import functools
import json
import re

from templates import SAID, SAML, SEVERAL, read

#: What the account fills in.
ACCOUNT = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "snowgate",
}

#: What nested stacks tell.
TOLD = {
    "State.Outputs.StateTable": "snowgate-State-1A2B",
    "State.Outputs.KeysTable": "snowgate-Keys-1A2B",
    "State.Outputs.IndexTable": "snowgate-Index-1A2B",
    "State.Outputs.KeptArn": "arn:aws:sns:eu-central-1:123456789012:snowgate-Kept-1A2B",
    "State.Outputs.RecordsBucket": "snowgate-state-records-1a2b",
    "State.Outputs.PagesBucket": "snowgate-state-pages-1a2b",
    "State.Outputs.KeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "Notices.Outputs.TopicArn": "arn:aws:sns:eu-central-1:123456789012:snowgate-Topic-1A2B",
    "Page.Outputs.Address": "https://p9q8r7s6t5.execute-api.eu-central-1.amazonaws.com",
}


@functools.cache
def of_cognito(name):
    """What the stack of the user pool tells, its resources named like those of a real one."""
    known = {"AWS::Region": "eu-central-1", "AWS::URLSuffix": "amazonaws.com", "Pool": "eu-central-1_Ab1Cd2Ef3",
             "Machine": "1example23456789machine345", "Person": "1example23456789person3456", "Page": "1example23456789page345678",
             "Auditor": "1example23456789auditor34"}
    return filled(read("infra/cognito.yaml")["Outputs"][name]["Value"], known, {})


def filled(value, known, conditions):
    """A value as CloudFormation fills it in; none for what is left out."""

    def of(one):
        return filled(one, known, conditions)

    match value:
        case {"Ref": "AWS::NoValue"}:
            return None
        case {"Ref": name}:
            return known[name]
        case {"Fn::GetAtt": name}:
            name = ".".join(name) if isinstance(name, list) else name
            return of_cognito(name.rsplit(".", 1)[-1]) if name.startswith("Cognito.") else TOLD[name]
        case {"Fn::Sub": [pattern, more]}:
            more = {name: of(one) for name, one in more.items()}
            return filled({"Fn::Sub": pattern}, known | more, conditions)
        case {"Fn::Join": [between, parts]}:
            return between.join(of(parts))
        case {"Fn::Split": [between, whole]}:
            return of(whole).split(between)
        case {"Fn::Sub": pattern}:
            return re.sub(r"\$\{([\w:]+)\}", lambda found: known[found[1]], pattern)
        case {"Fn::If": [name, then, otherwise]}:
            return of(then if of(conditions[name]) else otherwise)
        case {"Fn::Equals": [one, other]}:
            return of(one) == of(other)
        case {"Fn::Not": [one]}:
            return not of(one)
        case {"Fn::And": all_of}:
            return all(of(one) for one in all_of)
        case str() | int():
            return str(value)
    raise ValueError(value)


def variables(said=None, template=None):
    """The variables of each function that there is, by its binary's name."""
    template = template or read("template.yaml")
    known = {name: str(one.get("Default", "")) for name, one in template["Parameters"].items()}
    known |= ACCOUNT | SAID | (said or {})
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    told = {}
    for name, one in template["Resources"].items():
        if one["Type"] != "AWS::Serverless::Function":
            continue
        if "Condition" in one and not filled(template["Conditions"][one["Condition"]], known, template["Conditions"]):
            continue
        own = shared | one["Properties"].get("Environment", {}).get("Variables", {})
        values = {key: filled(value, known, template["Conditions"]) for key, value in own.items()}
        told[name.lower()] = {key: value for key, value in values.items() if value is not None}
    return told


if __name__ == "__main__":
    print(json.dumps({"jwt": variables(), "lambda": variables(SEVERAL), "saml": variables(SAML)}))
