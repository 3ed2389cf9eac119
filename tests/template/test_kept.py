"""What outlives a stack, an upgrade and a mistake: state is retained and never replaced, logs are kept for a while."""

import json
import unittest

from templates import FILES, ROOT, listed, read, resources, text

#: Every resource that holds state, by its logical id: under another, CloudFormation would make a new and empty one.
STATE = {
    "Key": "AWS::KMS::Key",
    "Records": "AWS::S3::Bucket",
    "RecordsPolicy": "AWS::S3::BucketPolicy",
    "Pages": "AWS::S3::Bucket",
    "PagesPolicy": "AWS::S3::BucketPolicy",
    "State": "AWS::DynamoDB::Table",
    "Keys": "AWS::DynamoDB::Table",
    "Index": "AWS::DynamoDB::Table",
    "Kept": "AWS::SNS::Topic",
    "KeptPolicy": "AWS::SNS::TopicPolicy",
}

#: Functions that answer by themselves where something broke, where they say so, and what stands before it.
ANSWERS = {
    "Query": ("faults.rs", r"pub\(crate\) fn log\(fault: &Fault\)"),
    "Approval": ("page/problem.rs", r"ReviewError::Fault\(fault\) =>"),
    "Evidence": ("lib.rs", r"if let Rejected::Fault\(fault\) = rejected"),
    "Sessions": ("rejected.rs", r"if let Some\(fault\) = self\.fault\(\)"),
}


class Kept(unittest.TestCase):
    def test_state_has_these_names_is_retained_and_named_by_nobody(self):
        found = resources("infra/state.yaml")
        self.assertEqual({name: one["Type"] for name, one in found.items()}, STATE)
        for name, one in found.items():
            with self.subTest(resource=name):
                self.assertEqual((one["DeletionPolicy"], one["UpdateReplacePolicy"]), ("Retain", "Retain"))
                self.assertNotIn("Condition", one)
                # A name of one's own cannot be had twice, so that a replacement would fail, or worse, succeed.
                self.assertFalse({"TableName", "BucketName", "TopicName"} & set(one["Properties"]))

    def test_the_stack_of_state_is_retained_and_told_what_never_replaces(self):
        stack = read("template.yaml")["Resources"]["State"]
        self.assertEqual((stack["DeletionPolicy"], stack["UpdateReplacePolicy"]), ("Retain", "Retain"))
        self.assertEqual(set(stack["Properties"]["Parameters"]), {"LockMode", "RecordDays", "PageDays"})
        self.assertEqual(set(read("infra/state.yaml")["Parameters"]), {"LockMode", "RecordDays", "PageDays"})
        for name, one in STATE.items():
            self.assertNotIn(one, {found["Type"] for found in resources("template.yaml").values()}, name)

    def test_what_operators_have_cloudformation_hold_to_allows_everything_but_to_replace_and_to_delete(self):
        allowed, denied = json.loads((ROOT / "infra/state-policy.json").read_text())["Statement"]
        self.assertEqual(allowed, {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"})
        self.assertEqual(denied, {"Effect": "Deny", "Principal": "*", "Action": ["Update:Replace", "Update:Delete"], "Resource": "*"})

    def test_tables_keep_their_keys_their_index_their_backups_and_themselves(self):
        for name in ("State", "Keys", "Index"):
            own = resources("infra/state.yaml")[name]["Properties"]
            with self.subTest(table=name):
                self.assertEqual([key["AttributeName"] for key in own["KeySchema"]], ["pk", "sk"])
                self.assertTrue(own["DeletionProtectionEnabled"])
                self.assertTrue(own["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
                self.assertEqual(own["BillingMode"], "PAY_PER_REQUEST")
                self.assertEqual(text(own["SSESpecification"]["KMSMasterKeyId"]), "Key.Arn")
        [index] = resources("infra/state.yaml")["State"]["Properties"]["GlobalSecondaryIndexes"]
        self.assertEqual((index["IndexName"], index["Projection"]), ("attention", {"ProjectionType": "KEYS_ONLY"}))
        expiry = {"AttributeName": "forget_at", "Enabled": True}
        for name in ("State", "Index"):
            self.assertEqual(resources("infra/state.yaml")[name]["Properties"]["TimeToLiveSpecification"], expiry)

    def test_nobody_deletes_or_disables_the_key_and_whoever_makes_it_may_change_its_policy(self):
        key = resources("infra/state.yaml")["Key"]["Properties"]
        said = {one["Sid"]: one for one in key["KeyPolicy"]["Statement"]}
        denied = [one for one in said.values() if one["Effect"] == "Deny"]
        self.assertEqual(denied, [said["NobodyDeletesOrDisables"]])
        self.assertEqual(said["NobodyDeletesOrDisables"], {
            "Sid": "NobodyDeletesOrDisables", "Effect": "Deny", "Principal": "*",
            "Action": ["kms:ScheduleKeyDeletion", "kms:DisableKey"], "Resource": "*"})
        # KMS makes no key whose maker could not change its policy, and without kms:PutKeyPolicy nobody could ever tear down.
        self.assertEqual((said["AccountDecidesByItsRoles"]["Effect"], said["AccountDecidesByItsRoles"]["Action"]), ("Allow", "kms:*"))
        self.assertEqual(key["PendingWindowInDays"], 30)

    def test_buckets_are_locked_written_once_over_tls_and_nobody_deletes(self):
        for name, days in (("Records", "RecordDays"), ("Pages", "PageDays")):
            own = resources("infra/state.yaml")[name]["Properties"]
            with self.subTest(bucket=name):
                retention = own["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
                self.assertEqual(retention, {"Mode": {"Ref": "LockMode"}, "Days": {"Ref": days}})
                self.assertEqual(own["VersioningConfiguration"], {"Status": "Enabled"})
                self.assertTrue(all(own["PublicAccessBlockConfiguration"].values()))
                policy = resources("infra/state.yaml")[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
                denied = {one["Sid"]: one for one in policy}
                held = {"NobodyEndsAHold", "FunctionsAloneWrite"} if name == "Records" else set()
                self.assertEqual(set(denied), {"OverTlsAlone", "NobodyDeletes", "WrittenOnce"} | held)
                if held:
                    off = {"StringEquals": {"s3:object-lock-legal-hold": "OFF"}}
                    one = denied["NobodyEndsAHold"]
                    self.assertEqual((one["Action"], one["Condition"]), ("s3:PutObjectLegalHold", off))
                    one = denied["FunctionsAloneWrite"]
                    # All that functions write; bundles are operators'.
                    self.assertEqual((one["Action"], [text(on) for on in one["Resource"]]), (
                        "s3:PutObject", [f"${{Records.Arn}}/{name}/*" for name in ("records", "exchanges", "opened", "keys", "looks")]))
                    marked = {"StringNotEquals": {"aws:PrincipalTag/snowgate": "writes-records"}}
                    self.assertEqual(one["Condition"], marked)
                self.assertLessEqual({"s3:ReplicateObject", "s3:ReplicateDelete"}, set(denied["NobodyDeletes"]["Action"]))
                for one in denied.values():
                    self.assertEqual((one["Effect"], one["Principal"]), ("Deny", "*"))
                self.assertNotIn("Condition", denied["NobodyDeletes"])
                self.assertEqual(denied["WrittenOnce"]["Condition"], {"Null": {"s3:if-none-match": "true"}})

    def test_the_roles_that_write_records_are_those_that_the_bucket_lets_write(self):
        for name, role in resources("infra/rights.yaml", "AWS::IAM::Role").items():
            writes = any(
                action == "s3:PutObject" and "RecordsBucket" in repr(statement["Resource"])
                for policy in role["Properties"]["Policies"] for statement in policy["PolicyDocument"]["Statement"]
                for action in listed(statement["Action"]))
            tags = role["Properties"].get("Tags", [])
            self.assertEqual(tags, [{"Key": "snowgate", "Value": "writes-records"}] if writes else [], name)

    def test_every_log_group_is_kept_for_as_long_as_the_operator_says_and_outlives_its_stack(self):
        found = {(file, name): one for file in FILES for name, one in resources(file, "AWS::Logs::LogGroup").items()}
        self.assertEqual(
            {name for file, name in found if file == "template.yaml"},
            {"ApiLog", "QueryLog", "WorkLog", "ApprovalLog", "EvidenceLog", "SealLog", "IndexLog", "SessionsLog", "AuthorizerLog"},
        )
        for (file, name), one in found.items():
            with self.subTest(log=f"{file} {name}"):
                self.assertEqual(one["Properties"]["RetentionInDays"], {"Ref": "LogRetentionDays"})
                self.assertEqual((one["DeletionPolicy"], one["UpdateReplacePolicy"]), ("Retain", "Retain"))

    def test_each_function_writes_into_its_own_log_group(self):
        for name, one in resources("template.yaml", "AWS::Serverless::Function").items():
            self.assertEqual(one["Properties"]["LoggingConfig"], {"LogGroup": {"Ref": f"{name}Log"}})

    def test_a_new_version_takes_over_slowly_and_is_taken_back_by_its_own_alarm(self):
        alarms = resources("infra/rollouts.yaml", "AWS::CloudWatch::Alarm")
        for name, one in resources("template.yaml", "AWS::Serverless::Function").items():
            with self.subTest(function=name):
                self.assertEqual(one["Properties"]["DeploymentPreference"]["Type"], {"Ref": "Rollout"})
                wanted = [f"Rollouts.Outputs.{name}Errors"] + [f"Rollouts.Outputs.{name}Failing"] * (name in ANSWERS)
                self.assertEqual([text(alarm) for alarm in one["Properties"]["DeploymentPreference"]["Alarms"]], wanted)
                # Another environment is another version: else old code would run with new settings.
                self.assertTrue(one["Properties"]["AutoPublishAliasAllProperties"])
                if name == "Authorizer":
                    continue
                watched = {d["Name"]: text(d["Value"]) for d in alarms[f"{name}Errors"]["Properties"]["Dimensions"]}
                function = text(one["Properties"]["FunctionName"]).replace("AWS::StackName", "Name")
                self.assertEqual(watched, {"FunctionName": function, "Resource": f"{function}:live"})

    def test_a_version_that_answers_that_something_broke_is_taken_back_and_no_single_line_takes_one_back(self):
        found = resources("infra/rollouts.yaml")
        given = read("template.yaml")["Resources"]["Rollouts"]["Properties"]["Parameters"]
        for name in ANSWERS:
            with self.subTest(function=name):
                own, alarm = found[f"{name}Fails"]["Properties"], found[f"{name}Failing"]["Properties"]
                self.assertEqual(own["LogGroupName"], {"Ref": f"{name}Log"})
                log = {"Ref": f"{name}Log"}
                self.assertEqual(given[f"{name}Log"], {"Fn::If": ["HasAuditors", log, ""]} if name == "Sessions" else log)
                # What an operator is told of as broken, and nothing else.
                self.assertEqual(own["FilterPattern"], resources("infra/watch.yaml")[f"{name}Faults"]["Properties"]["FilterPattern"])
                [metric] = own["MetricTransformations"]
                self.assertEqual((alarm["MetricName"], text(alarm["Namespace"])), (metric["MetricName"], text(metric["MetricNamespace"])))
                self.assertGreater(alarm["DatapointsToAlarm"], 1)
                # Within the five minutes that the shortest canary takes.
                self.assertLessEqual(alarm["Period"] * alarm["EvaluationPeriods"], 300)
                self.assertEqual(found[f"{name}Failing"].get("Condition"), found[f"{name}Errors"].get("Condition"))

    def test_what_broke_each_door_says_at_error_where_it_answers_so(self):
        for name, (file, before) in ANSWERS.items():
            code = (ROOT / "functions" / name.lower() / "src" / file).read_text()
            self.assertRegex(code, rf"(?s){before}.{{0,400}}?tracing::error!", name)

    def test_what_auditors_alone_need_is_there_with_them_alone(self):
        for file, condition, names in (
            ("template.yaml", "HasAuditors", {"Sessions", "SessionsLog"}),
            ("infra/rights.yaml", "HasAuditors", {"Sessions"}),
            ("infra/rollouts.yaml", "HasSessions", {"SessionsErrors", "SessionsFails", "SessionsFailing"}),
            ("infra/watch.yaml", "HasSessions", {"SessionsFaults", "SessionsMustLook"}),
        ):
            found = {name for name, one in resources(file).items() if "Sessions" in name}
            self.assertEqual(found, names, file)
            self.assertEqual({resources(file)[name].get("Condition") for name in found}, {condition}, file)

    def test_of_the_authorizer_no_token_that_it_refuses_takes_a_version_back(self):
        found = resources("infra/rollouts.yaml")
        [metric] = found["AuthorizerFails"]["Properties"]["MetricTransformations"]
        alarm = found["AuthorizerErrors"]["Properties"]
        self.assertEqual((alarm["MetricName"], text(alarm["Namespace"])), (metric["MetricName"], text(metric["MetricNamespace"])))
        pattern = found["AuthorizerFails"]["Properties"]["FilterPattern"]
        self.assertEqual(pattern, resources("infra/watch.yaml")["AuthorizerFaults"]["Properties"]["FilterPattern"])
        self.assertNotIn("level", pattern, "Lambda's runtime says ERROR of a token that is refused, too")


if __name__ == "__main__":
    unittest.main()
