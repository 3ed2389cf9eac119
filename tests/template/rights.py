"""What each role may, line by line. Run by itself, it tells so as JSON: of each role the actions, what on, and under which condition."""

import json

from templates import listed, resources, text

RIGHTS_FILES = ["infra/rights.yaml", "infra/rollouts.yaml"]


def roles():
    return {name: role for file in RIGHTS_FILES for name, role in resources(file, "AWS::IAM::Role").items()}


def statements(role):
    for policy in role["Properties"].get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]


def condition(statement):
    told = []
    for operator, terms in statement.get("Condition", {}).items():
        for key, values in terms.items():
            if operator != "Null":
                values = [text(value) for value in listed(values)]
                told.append(" ".join([key, *(sorted(values) if key == "dynamodb:LeadingKeys" else values)]))
    return " and ".join(told)


def lines(role):
    return {
        (" ".join(sorted(listed(statement["Action"]))), text(on), condition(statement))
        for statement in statements(role)
        for on in listed(statement["Resource"])
    }


def actions(role):
    return {action for statement in statements(role) for action in listed(statement["Action"])}


if __name__ == "__main__":
    print(json.dumps({name: sorted(lines(role)) for name, role in roles().items()}))
