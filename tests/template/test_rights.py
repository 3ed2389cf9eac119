"""Rights equal ports: what each role may, line by line, and what nobody may.

A line is the actions, what on, and under which keys or condition. Whoever changes a right changes it here, too.
"""

import re
import unittest

from rights import actions, lines, roles, statements
from templates import FILES, ROOT, listed, read, resources, spelt_out, text

STATE, KEYS, INDEX = "StateTableArn", "KeysTableArn", "IndexTableArn"
RECORDS, PAGES = "s3:::${RecordsBucket}", "s3:::${PagesBucket}"
MACHINE = "states:::stateMachine:${Name}"
READS = "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:Query"
CLOSINGS, LATE = f"{RECORDS}/records/v1/dt=*.closing.json", f"{RECORDS}/records/v1/dt=*.evidence-*.json"
OPENED, LONG_OPENINGS = f"{RECORDS}/opened/session#*", f"{RECORDS}/opened/session#*.opening"
BUNDLES, MASTER = f"{RECORDS}/bundles/*", f"{RECORDS}/keys/master"
LOOKS = f"{RECORDS}/looks/v1/dt=*.json"
RESULTS, LIVE, SIGHTINGS = f"{PAGES}/pages/v1/dt=*", f"{PAGES}/live/*", f"{PAGES}/sightings/*"
BY_S3_AND_DYNAMODB = "kms:ViaService s3.${AWS::Region}.amazonaws.com dynamodb.${AWS::Region}.amazonaws.com"
OF_MASTER = "kms:EncryptionContext:snowgate master-key/1"
TO_SNOWFLAKE = (
    "sts:IdentityTokenAudience snowflakecomputing.com and sts:DurationSeconds 300 and sts:SigningAlgorithm ES384")


def keys(*names):
    return "dynamodb:LeadingKeys " + " ".join(sorted(names))


#: Of what lies under a session: its openings, and no sealed text.
OPENINGS = f"{keys('session#*')} and dynamodb:Attributes pk sk day handle opening opening_at and dynamodb:Select SPECIFIC_ATTRIBUTES"


def granted_keys(bound):
    """The partition keys that a condition names."""
    name, *found = bound.split(" and ")[0].split() or [""]
    return found if name == "dynamodb:LeadingKeys" else []


#: The wanted rights of each function.
RIGHTS = {
    "Query": {
        ("logs:CreateLogStream logs:PutLogEvents", "QueryLogArn", ""),
        (READS, STATE, keys(
            "exchange#*", "principal#*", "session#*", "v1/dt=*", "standings", "access#*", "accesses", "revoked#*",
            "policy", "operator#*", "clue#*", "expects#*", "lease#*", "uses#*", "sighting#*")),
        ("dynamodb:PutItem", STATE, keys(
            "exchange#*", "principal#*", "session#*", "v1/dt=*", "approval#*", "access#*", "accesses", "clue#*",
            "expects#*", "lease#*")),
        ("dynamodb:UpdateItem", STATE, keys("exchange#*", "rejected#*")),
        ("dynamodb:DeleteItem", STATE, keys("principal#*", "lease#*", "access#*", "accesses")),
        ("dynamodb:GetItem dynamodb:PutItem", KEYS, keys("key#*")),
        *(("s3:GetObject", on, "") for on in (CLOSINGS, LATE, OPENED, BUNDLES, MASTER, RESULTS, LIVE, SIGHTINGS)),
        *(("s3:PutObject", on, "") for on in (CLOSINGS, LATE, OPENED, MASTER, RESULTS, LIVE)),
        ("s3:ListBucket", RECORDS, ""),
        ("s3:ListBucket", PAGES, ""),
        ("kms:Decrypt kms:GenerateDataKey", "KeyArn", OF_MASTER),
        ("kms:Decrypt kms:GenerateDataKey", "KeyArn", BY_S3_AND_DYNAMODB),
        ("states:StartExecution", f"{MACHINE}-approvals", ""),
        ("states:StartExecution", f"{MACHINE}-unfinished", ""),
        ("sts:GetWebIdentityToken", "*", TO_SNOWFLAKE),
    },
    "Work": {
        ("logs:CreateLogStream logs:PutLogEvents", "WorkLogArn", ""),
        (READS, STATE, keys(
            "exchange#*", "principal#*", "session#*", "v1/dt=*", "approval#*", "standings", "access#*", "accesses",
            "revoked#*", "policy", "operator#*", "clue#*", "expects#*", "uses#*", "sighting#*")),
        ("dynamodb:Query", "${StateTableArn}/index/attention", keys("due#*", "ledgers")),
        ("dynamodb:PutItem", STATE, keys("exchange#*", "principal#*", "v1/dt=*", "approval#*", "access#*", "accesses")),
        ("dynamodb:UpdateItem", STATE, keys("exchange#*")),
        ("dynamodb:DeleteItem", STATE, keys("access#*", "accesses")),
        ("dynamodb:GetItem", KEYS, keys("key#*")),
        *(("s3:GetObject", on, "") for on in (CLOSINGS, LATE, OPENED, BUNDLES, MASTER, RESULTS, LIVE, SIGHTINGS)),
        *(("s3:PutObject", on, "") for on in (CLOSINGS, LATE, RESULTS, LIVE)),
        ("s3:ListBucket", RECORDS, ""),
        ("s3:ListBucket", PAGES, ""),
        ("kms:Decrypt", "KeyArn", OF_MASTER),
        ("kms:Decrypt kms:GenerateDataKey", "KeyArn", BY_S3_AND_DYNAMODB + " sns.${AWS::Region}.amazonaws.com"),
        ("sns:GetSubscriptionAttributes sns:ListSubscriptionsByTopic sns:Publish", "TopicArn", ""),
        ("states:SendTaskSuccess states:StartExecution", f"{MACHINE}-approvals", ""),
        ("sqs:SendMessage", "UndoneArn", ""),
        ("sts:GetWebIdentityToken", "*", TO_SNOWFLAKE),
    },
    "Approval": {
        ("logs:CreateLogStream logs:PutLogEvents", "ApprovalLogArn", ""),
        (READS, STATE, keys(
            "exchange#*", "principal#*", "session#*", "v1/dt=*", "approval#*", "standings", "accesses", "revoked#*",
            "policy", "operator#*")),
        ("dynamodb:PutItem", STATE, keys("v1/dt=*", "standings", "exchange#*")),
        ("dynamodb:DeleteItem", STATE, keys("access#*", "accesses")),
        ("dynamodb:GetItem", KEYS, keys("key#*")),
        *(("s3:GetObject", on, "") for on in (LATE, OPENED, BUNDLES, MASTER, LIVE)),
        ("s3:ListBucket", RECORDS, ""),
        ("kms:Decrypt", "KeyArn", OF_MASTER),
        ("kms:Decrypt", "KeyArn", BY_S3_AND_DYNAMODB),
        ("states:SendTaskSuccess", f"{MACHINE}-approvals", ""),
    },
    "Evidence": {
        ("logs:CreateLogStream logs:PutLogEvents", "EvidenceLogArn", ""),
        (READS, STATE, keys(
            "sighting#*", "clue#*", "uses#*", "channel#*", "session#*", "revoked#*", "policy", "operator#*")),
        ("dynamodb:PutItem", STATE, keys("sighting#*", "clue#*", "uses#*", "channel#*")),
        ("dynamodb:UpdateItem", STATE, keys("sighting#*", "channel#*", "rejected#*")),
        ("dynamodb:DeleteItem", STATE, keys("sighting#*", "channel#*")),
        ("dynamodb:GetItem", KEYS, keys("key#*")),
        *(("s3:GetObject", on, "") for on in (LATE, OPENED, BUNDLES, MASTER)),
        *(("s3:PutObject", on, "") for on in (LATE, MASTER)),
        ("s3:GetObject s3:PutObject", SIGHTINGS, ""),
        ("s3:ListBucket", RECORDS, ""),
        ("kms:Decrypt kms:GenerateDataKey", "KeyArn", OF_MASTER),
        ("kms:Decrypt kms:GenerateDataKey", "KeyArn", BY_S3_AND_DYNAMODB),
    },
    "Seal": {
        ("logs:CreateLogStream logs:PutLogEvents", "SealLogArn", ""),
        ("dynamodb:BatchGetItem dynamodb:GetItem", STATE, keys("v1/dt=*", "exchange#*")),
        ("dynamodb:GetItem", STATE, OPENINGS),
        ("dynamodb:Query", "${StateTableArn}/index/attention", keys("due#*")),
        *(("s3:GetObject", on, "") for on in (CLOSINGS, LATE, LONG_OPENINGS, LIVE)),
        ("s3:GetObject s3:PutObject", f"{RECORDS}/exchanges/v1/dt=*.parquet", ""),
        ("s3:ListBucket", RECORDS, ""),
        ("kms:Decrypt kms:GenerateDataKey", "KeyArn", BY_S3_AND_DYNAMODB),
        ("sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage", "ClosedArn", ""),
        ("sqs:SendMessage", "UnsealedArn", ""),
        ("dynamodb:BatchGetItem", INDEX, keys("session#*")),
        ("dynamodb:GetItem dynamodb:PutItem", INDEX, keys("whole")),
        ("sns:Publish", "KeptArn", ""),
        ("kms:Decrypt kms:GenerateDataKey", "KeyArn", "kms:ViaService sns.${AWS::Region}.amazonaws.com"),
    },
    "Index": {
        ("logs:CreateLogStream logs:PutLogEvents", "IndexLogArn", ""),
        ("dynamodb:GetItem", STATE, keys("v1/dt=*")),
        ("dynamodb:GetItem", STATE, OPENINGS),
        *(("s3:GetObject", on, "") for on in (CLOSINGS, LATE, LONG_OPENINGS)),
        ("s3:ListBucket", RECORDS, ""),
        ("dynamodb:PutItem", INDEX, keys("session#*", "person#*", "agent#*", "table#*", "refused#*", "held#*")),
        ("dynamodb:GetItem dynamodb:PutItem", INDEX, keys("whole")),
        ("kms:Decrypt kms:GenerateDataKey", "KeyArn", BY_S3_AND_DYNAMODB),
        ("sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage", "ToIndexArn", ""),
    },
    "Sessions": {
        ("logs:CreateLogStream logs:PutLogEvents", "SessionsLogArn", ""),
        ("dynamodb:BatchGetItem dynamodb:GetItem", STATE, keys("v1/dt=*", "revoked#*", "policy", "operator#*")),
        ("dynamodb:BatchGetItem dynamodb:GetItem", STATE, OPENINGS),
        ("dynamodb:Query", INDEX, keys("session#*", "person#*", "agent#*", "table#*", "refused#*", "held#*")),
        ("dynamodb:GetItem", INDEX, keys("whole")),
        ("dynamodb:UpdateItem", INDEX, keys("looks#*")),
        *(("s3:GetObject", on, "") for on in (CLOSINGS, LATE, LONG_OPENINGS, BUNDLES, RESULTS)),
        ("s3:GetObject s3:PutObject", LOOKS, ""),
        ("s3:ListBucket", RECORDS, ""),
        ("s3:ListBucket", PAGES, ""),
        ("kms:Decrypt kms:GenerateDataKey", "KeyArn", BY_S3_AND_DYNAMODB),
    },
    # Whose tokens are it asks issuers; of AWS nobody.
    "Authorizer": {("logs:CreateLogStream logs:PutLogEvents", "AuthorizerLogArn", "")},
    "Machines": {("lambda:InvokeFunction", "lambda:::function:${Name}-work:live", "")},
    "Schedule": {
        ("lambda:InvokeFunction", "lambda:::function:${Name}-work:live", ""),
        ("lambda:InvokeFunction", "lambda:::function:${Name}-seal:live", ""),
        ("sqs:SendMessage", "UndoneArn", ""),
        ("sqs:SendMessage", "UnsealedArn", ""),
    },
    "Rollout": {
        *(
            ("lambda:GetAlias lambda:GetProvisionedConcurrencyConfig lambda:UpdateAlias",
             f"lambda:::function:${{Name}}-{name}{alias}", "")
            for name in ("query", "work", "approval", "evidence", "seal", "index", "sessions", "authorizer")
            for alias in ("", ":live")
        ),
        ("cloudwatch:DescribeAlarms", "*", ""),
    },
}

#: Where anything at all is meant, and why.
ANYTHING = {
    ("Query", "sts:GetWebIdentityToken"): "it has no resource; the audience bounds it to Snowflake",
    ("Work", "sts:GetWebIdentityToken"): "the same",
    ("Rollout", "cloudwatch:DescribeAlarms"): "CodeDeploy asks for all alarms; it tells their states and changes none",
}

FUNCTIONS = ["Query", "Work", "Approval", "Evidence", "Seal", "Index", "Sessions", "Authorizer"]


class Rights(unittest.TestCase):
    def test_each_role_may_what_is_written_here_and_nothing_else(self):
        self.assertEqual(set(roles()), set(RIGHTS))
        for name, role in roles().items():
            with self.subTest(role=name):
                self.assertEqual(sorted(lines(role)), sorted(RIGHTS[name]))

    def test_nothing_is_granted_in_another_way(self):
        # Athena's own is for people who audit: see test_athena.py. That of operators is below.
        for file in set(FILES) - {"infra/athena.yaml", "infra/operators.yaml"}:
            for name, one in resources(file).items():
                kind, own = one["Type"], one.get("Properties", {})
                with self.subTest(resource=f"{file} {name}"):
                    self.assertNotIn(kind, ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::User"))
                    self.assertNotIn("ManagedPolicyArns", own)
                    if kind in ("AWS::Serverless::Function", "AWS::Serverless::StateMachine"):
                        self.assertNotIn("Policies", own)
                        self.assertIn("Role", own)
                    if kind == "AWS::IAM::Role":
                        self.assertIn(name, RIGHTS)

    def test_sam_adds_no_role_of_its_own(self):
        kinds = {name: one["Type"] for name, one in spelt_out().items()}
        self.assertFalse([name for name, kind in kinds.items() if kind.startswith("AWS::IAM::")])

    def test_actions_are_named_and_anything_at_all_has_a_reason(self):
        for name, role in roles().items():
            for statement in statements(role):
                with self.subTest(role=name, statement=statement.get("Sid")):
                    self.assertEqual(statement["Effect"], "Allow")
                    self.assertFalse({"NotAction", "NotResource"} & set(statement))
                    for action in listed(statement["Action"]):
                        self.assertNotIn("*", action)
                        if "*" in (text(on) for on in listed(statement["Resource"])):
                            self.assertIn((name, action), ANYTHING)
        used = {(name, action) for name, action in ANYTHING if (action, "*") in {
            (line[0], line[1]) for line in lines(roles()[name])}}
        self.assertEqual(used, set(ANYTHING), "a reason without its right")

    def test_every_right_to_a_table_is_bound_by_keys(self):
        for name, role in roles().items():
            for statement in statements(role):
                if any(action.startswith("dynamodb:") for action in listed(statement["Action"])):
                    with self.subTest(role=name, statement=statement.get("Sid")):
                        bound = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
                        self.assertTrue(all(len(key) > 1 for key in bound))

    def test_nobody_deletes_records_reads_all_of_a_table_or_changes_policy(self):
        never = {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention", "s3:BypassGovernanceRetention",
                 "dynamodb:Scan", "dynamodb:PartiQLSelect", "kms:ScheduleKeyDeletion", "kms:PutKeyPolicy"}
        writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
        for name in FUNCTIONS:
            with self.subTest(role=name):
                self.assertFalse(actions(roles()[name]) & never)
                for what, on, bound in lines(roles()[name]):
                    if writes & set(what.split()):
                        # Who is revoked and which bundle decides is an operator's to say; no opening is ever taken away.
                        self.assertFalse({"policy", "operator#*", "revoked#*", "revocation_acts"} & set(bound.split()))
                        self.assertNotIn("operator#", bound)
                    if what == "dynamodb:DeleteItem":
                        self.assertFalse({"session#*", "exchange#*", "v1/dt=*", "key#*"} & set(bound.split()))
                    if {"s3:PutObject", "s3:PutObjectLegalHold"} & set(what.split()):
                        self.assertNotIn("bundles", on)

    def test_approval_settles_and_nothing_else(self):
        self.assertEqual(
            actions(roles()["Approval"]),
            {"logs:CreateLogStream", "logs:PutLogEvents", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query",
             "dynamodb:PutItem", "dynamodb:DeleteItem", "s3:GetObject", "s3:ListBucket", "kms:Decrypt", "states:SendTaskSuccess"},
        )

    def test_who_needs_no_sealed_text_may_ask_for_none(self):
        for name in ("Seal", "Index", "Sessions"):
            reads = [one for one in statements(roles()[name])
                     if {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"} & set(listed(one["Action"]))
                     and text(one["Resource"]) == STATE]
            sessions = [one for one in reads if "session#*" in one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]]
            with self.subTest(role=name):
                # As DynamoDB's guide bounds attributes; and of a request that tells none of them, `ForAllValues` holds.
                [condition] = [one["Condition"] for one in sessions]
                self.assertEqual(condition["StringEqualsIfExists"], {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"})
                self.assertEqual(condition["Null"], {"dynamodb:Attributes": "false"})
                allowed = condition["ForAllValues:StringEquals"]["dynamodb:Attributes"]
                self.assertFalse([one for one in allowed if one.startswith("sealed")])
                self.assertFalse([on for what, on, _ in lines(roles()[name]) if "s3:GetObject" in what and on == OPENED])

    def test_seal_writes_rows_and_nothing_else_and_opens_no_sealed_text(self):
        found = lines(roles()["Seal"])
        self.assertEqual([on for what, on, _ in found if "s3:PutObject" in what], [f"{RECORDS}/exchanges/v1/dt=*.parquet"])
        # Of a day that it has gone through it says so, and nothing else.
        writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
        self.assertEqual({(on, bound) for what, on, bound in found if writes & set(what.split())}, {(INDEX, keys("whole"))})
        self.assertFalse({on for _, on, _ in found} & {KEYS, MASTER, RESULTS, SIGHTINGS, BUNDLES})
        self.assertNotIn(OF_MASTER, {bound for _, _, bound in found})

    def test_index_writes_the_index_which_nobody_else_writes_and_opens_no_sealed_text(self):
        found = lines(roles()["Index"])
        self.assertEqual({on for what, on, _ in found if {"dynamodb:PutItem", "s3:PutObject"} & set(what.split())}, {INDEX})
        self.assertFalse({on for _, on, _ in found} & {KEYS, MASTER, RESULTS, LIVE, SIGHTINGS, BUNDLES})
        self.assertNotIn(OF_MASTER, {bound for _, _, bound in found})
        writes = {name for name in RIGHTS for what, on, bound in lines(roles()[name])
                  if on == INDEX and "Put" in what and bound != keys("whole")}
        self.assertEqual(writes, {"Index"})
        # The code's own prefixes, and no others.
        code = (ROOT / "crates/aws/src/index.rs").read_text()
        kinds = set(re.findall(r'format!\("(\w+#)', code))
        [bound] = [bound for what, on, bound in found if on == INDEX and bound != keys("whole")]
        self.assertEqual({f"{kind}*" for kind in kinds}, set(bound.split()) - {"dynamodb:LeadingKeys"})

    def test_sessions_writes_who_looked_and_nothing_else_and_opens_no_sealed_text(self):
        found = lines(roles()["Sessions"])
        writes = {"s3:PutObject", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "sqs:SendMessage", "sns:Publish"}
        # How often somebody has looked stands beside the index.
        self.assertEqual({(on, bound) for what, on, bound in found if writes & set(what.split())},
                         {(LOOKS, ""), (INDEX, keys("looks#*"))})
        self.assertFalse({on for _, on, _ in found} & {KEYS, MASTER, LIVE, SIGHTINGS})
        self.assertNotIn(OF_MASTER, {bound for _, _, bound in found})
        # Who has looked is nobody else's to write.
        self.assertEqual({name for name in RIGHTS for what, on, bound in lines(roles()[name]) if "looks" in on + bound}, {"Sessions"})
        # What it asks the index by is what is written there.
        asks = {bound for what, on, bound in found if on == INDEX and what != "dynamodb:UpdateItem"}
        self.assertEqual(asks, {bound for what, on, bound in lines(roles()["Index"]) if on == INDEX})

    def test_only_query_and_work_prove_themselves_to_snowflake(self):
        proves = {name for name, role in roles().items() if "sts:GetWebIdentityToken" in actions(role)}
        self.assertEqual(proves, {"Query", "Work"})
        for name, role in roles().items():
            self.assertFalse({a for a in actions(role) if a.startswith("secretsmanager:")}, name)

    def test_each_role_is_assumed_by_its_own_service_alone(self):
        wanted = {"Machines": "states.amazonaws.com", "Schedule": "scheduler.amazonaws.com", "Rollout": "codedeploy.amazonaws.com"}
        for name, role in roles().items():
            trust = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            with self.subTest(role=name):
                self.assertEqual([one["Principal"] for one in trust], [{"Service": wanted.get(name, "lambda.amazonaws.com")}])
                self.assertEqual([one["Action"] for one in trust], ["sts:AssumeRole"])

    def test_each_function_has_its_own_role(self):
        found = resources("template.yaml", "AWS::Serverless::Function")
        self.assertEqual({name: text(one["Properties"]["Role"]) for name, one in found.items()},
                         {name: f"Rights.Outputs.{name}Role" for name in FUNCTIONS})
        outputs = read("infra/rights.yaml")["Outputs"]
        for name in [*FUNCTIONS, "Machines", "Schedule"]:
            self.assertEqual(text(outputs[f"{name}Role"]["Value"]), f"{name}.Arn")


#: What whoever puts bundles in force may: a policy for people, which no role of this deployment has.
OPERATOR = {
    (READS, "dynamodb:::table/${StateTable}", keys("policy", "operator#*")),
    ("dynamodb:PutItem", "dynamodb:::table/${StateTable}", keys("policy", "operator#${aws:userid}") + " and dynamodb:Attributes " + " ".join((
        "pk", "sk", "writer", "digest", "at_us", "by", "why", "over", "agrees_pk", "agrees_sk", "withdrawn_us",
        "first_pk", "first_sk", "second_pk", "second_sk"))),
    ("s3:GetObject s3:PutObject s3:PutObjectLegalHold", BUNDLES, ""),
    ("s3:ListBucket", RECORDS, ""),
    ("kms:Decrypt kms:GenerateDataKey", "KeyArn", BY_S3_AND_DYNAMODB),
    ("cloudformation:DescribeStacks", "cloudformation:::stack/${StackName}/*", ""),
    ("sns:GetSubscriptionAttributes sns:ListSubscriptionsByTopic", "TopicArn", ""),
    ("sns:Subscribe", "TopicArn", "sns:Protocol email and sns:Endpoint Mails"),
}

#: And what they may not even if something else lets them.
NEVER = {("sts:GetFederationToken", "*", "")}


class Operators(unittest.TestCase):
    def policy(self):
        (one,) = resources("infra/operators.yaml").values()
        self.assertEqual(one["Type"], "AWS::IAM::ManagedPolicy")
        return one["Properties"]

    def test_they_may_what_is_written_here_and_nothing_else(self):
        policy = self.policy()
        said = policy["PolicyDocument"]["Statement"]
        for effect, wanted in (("Allow", OPERATOR), ("Deny", NEVER)):
            one = {"PolicyDocument": {"Statement": [one for one in said if one["Effect"] == effect]}}
            self.assertEqual(sorted(lines({"Properties": {"Policies": [one]}})), sorted(wanted))
        self.assertEqual({one["Effect"] for one in said}, {"Allow", "Deny"})
        # Whoever it is attached to is somebody else's to say.
        self.assertFalse({"Roles", "Users", "Groups"} & set(policy))

    def test_each_says_their_own_word_alone(self):
        written = [one for one in self.policy()["PolicyDocument"]["Statement"]
                   if {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(listed(one["Action"]))]
        self.assertEqual([one["Action"] for one in written], ["dynamodb:PutItem"])
        # IAM fills the variable in, not CloudFormation: a plain text, in which `!Sub` finds nothing.
        condition = written[0]["Condition"]
        self.assertEqual(condition["ForAllValues:StringLike"], {"dynamodb:LeadingKeys": ["policy", "operator#${aws:userid}"]})

    def test_they_write_what_the_code_writes_and_nothing_that_has_it_forgotten(self):
        [condition] = [one["Condition"] for one in self.policy()["PolicyDocument"]["Statement"] if one["Action"] == "dynamodb:PutItem"]
        self.assertEqual(set(condition), {"ForAllValues:StringLike", "ForAllValues:StringEquals"})
        bound = condition["ForAllValues:StringEquals"]["dynamodb:Attributes"]
        self.assertNotIn(resources("infra/state.yaml")["State"]["Properties"]["TimeToLiveSpecification"]["AttributeName"], bound)
        # Words and pointers as they are put together, their keys, and what `put` adds to every item.
        words, table = ((ROOT / f"crates/aws/src/{name}.rs").read_text() for name in ("words", "table"))
        made = re.findall(r"pub fn item\(.*?\n    \}\n", words, re.DOTALL)
        self.assertEqual(len(made), 2)
        written = {name for one in made for name in re.findall(r'"([a-z_]+)"', one)}
        written |= set(re.findall(r'"(\w+)"', re.search(r"pub fn item\(&self\) -> Item \{\n(.*)\n", table)[1]))
        written |= set(re.findall(r'const WRITER: &str = "(\w+)"', table))
        self.assertEqual(sorted(bound), sorted(written))
        # Nothing else is made of items there: each is one of these, or one with another digest.
        self.assertEqual(len(re.findall(r"\.put\(", (ROOT / "crates/aws/src/pushes.rs").read_text())), 5)

    def test_whoever_revokes_is_told_to_write_nothing_that_has_it_forgotten(self):
        text = (ROOT / "infra/README.md").read_text()
        written = {name for item in re.findall(r"--table-name STATE --item '(.*?)\}'\n", text, re.DOTALL) for name in re.findall(r'"(\w+)": \{', item)}
        self.assertEqual(len(written), 8)
        [bound] = re.findall(r"by `dynamodb:Attributes`.*?: to (.*?)\(`ForAllValues:StringEquals`\)", text, re.DOTALL)
        self.assertEqual(set(re.findall(r"`(\w+)`", bound)), written)

    def test_which_addresses_they_may_subscribe_is_said(self):
        self.assertNotIn("Default", read("infra/operators.yaml")["Parameters"]["Mails"])

    def test_what_they_may_is_what_the_code_calls(self):
        code = "".join((ROOT / "crates/aws/src" / name).read_text() for name in (
            "bundles.rs", "caller.rs", "notifier.rs", "objects.rs", "pushes.rs", "subscriptions.rs", "table.rs", "words.rs"))
        for what, _, _ in OPERATOR:
            # A hold comes with the object; what is absent is told by S3 itself; keys are S3's and DynamoDB's to ask for.
            for action in set(what.split()) - {"s3:PutObjectLegalHold", "s3:ListBucket", "kms:Decrypt", "kms:GenerateDataKey"}:
                self.assertIn(f'"{action}"', code)

    def test_the_stack_tells_all_that_they_are_given(self):
        outputs = read("template.yaml")["Outputs"]
        told = {"StateTable", "RecordsBucket", "KeyArn", "ReviewersTopic"}
        self.assertLessEqual(told, set(outputs))
        self.assertEqual(set(read("infra/operators.yaml")["Parameters"]),
                         (told - {"ReviewersTopic"}) | {"TopicArn", "StackName", "Mails"})


class Code(unittest.TestCase):
    """What the code calls, and under which keys, as it says itself."""

    def sources(self):
        return "\n".join(path.read_text() for path in sorted((ROOT / "crates/aws/src").rglob("*.rs")))

    def test_what_functions_may_is_what_the_code_calls(self):
        services = "dynamodb|s3|kms|sns|states"
        called = set(re.findall(rf'"((?:{services}):[A-Z]\w+)"', self.sources()))
        # To ask for an object's head is to read it.
        called = {call.replace("HeadObject", "GetObject") for call in called}
        # Many messages at once need the right to one (IAM's service authorization reference).
        called = {call.replace("sns:PublishBatch", "sns:Publish") for call in called}
        # What S3 says when it is first told where to, and no call.
        called -= {"s3:TestEvent"}
        granted = {action for name in FUNCTIONS for action in actions(roles()[name])}
        granted = {action for action in granted if re.match(services, action)}
        # What is absent is told by S3 itself, to whoever may list. Reviewers are subscribed by operators alone.
        self.assertEqual(granted - {"s3:ListBucket"}, called - {"s3:ListBucket", "sns:Subscribe"})

    def test_every_key_that_the_code_documents_is_somebodys(self):
        documented = re.findall(r"^\s*//[/!] \| `([a-z_]+)(#?)[^`]*`(?:,[^|]*)? \|", self.sources(), re.MULTILINE)
        documented = {name + ("#*" if mark else "") for name, mark in documented if name != "pk"}
        granted = {key for name in FUNCTIONS for _, _, bound in lines(roles()[name]) for key in granted_keys(bound)}
        # Only operators write down what they have revoked.
        self.assertLessEqual(documented - {"revocation_acts"}, granted)
        self.assertGreater(len(documented), 12, documented)

    def test_every_key_that_is_granted_is_in_the_code(self):
        code = self.sources() + (ROOT / "crates/recording/src/key.rs").read_text()
        for name in FUNCTIONS:
            for _, _, bound in lines(roles()[name]):
                for key in granted_keys(bound):
                    self.assertIn(f'"{key.rstrip("*")}', code, f"{name}: {key}")


if __name__ == "__main__":
    unittest.main()
