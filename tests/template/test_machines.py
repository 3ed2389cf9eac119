"""The state machines and the schedule: what they call, and under which names."""

import json
import re
import unittest

from templates import ROOT, read, resources, text


class Machines(unittest.TestCase):
    def test_each_machine_is_there_calls_work_and_nothing_else(self):
        machines = resources("template.yaml", "AWS::Serverless::StateMachine")
        self.assertEqual(set(machines), {"Approvals", "Unfinished"})
        for name, one in machines.items():
            own = one["Properties"]
            with self.subTest(machine=name):
                definition = (ROOT / own["DefinitionUri"]).read_text()
                self.assertEqual(own["DefinitionSubstitutions"], {"WorkFunction": {"Ref": "Work.Alias"}})
                self.assertEqual(own["Type"], "STANDARD")
                self.assertEqual(text(own["Role"]), "Rights.Outputs.MachinesRole")
                states = json.loads(definition)["States"].values()
                self.assertLessEqual(json.loads(definition)["TimeoutSeconds"], 366 * 86_400)
                called = {state["Parameters"]["FunctionName"] for state in states if state["Type"] == "Task"}
                self.assertEqual(called, {"${WorkFunction}"})

    def test_names_are_what_rights_and_functions_are_told(self):
        machines = resources("template.yaml", "AWS::Serverless::StateMachine")
        for name, one in machines.items():
            self.assertEqual(text(one["Properties"]["Name"]), f"${{AWS::StackName}}-{name.lower()}")
        rights = (ROOT / "infra/rights.yaml").read_text()
        for name in machines:
            self.assertIn(f"stateMachine:${{Name}}-{name.lower()}\n", rights)
        for name, one in resources("template.yaml", "AWS::Serverless::Function").items():
            self.assertEqual(text(one["Properties"]["FunctionName"]), f"${{AWS::StackName}}-{name.lower()}")

    def test_a_schedule_sweeps_and_what_it_could_not_do_is_kept(self):
        work = resources("template.yaml")["Work"]["Properties"]
        [(_, sweep)] = work["Events"].items()
        self.assertEqual(sweep["Type"], "ScheduleV2")
        event = json.loads(sweep["Properties"]["Input"])
        self.assertEqual(event, json.loads((ROOT / "events/work/sweep.json").read_text()))
        self.assertEqual(text(sweep["Properties"]["DeadLetterConfig"]["Arn"]), "Undone.Arn")
        failed = work["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
        self.assertEqual((failed["Type"], text(failed["Destination"])), ("SQS", "Undone.Arn"))

    def test_what_was_recorded_is_told_to_seal_by_a_queue_and_what_it_could_not_tell_is_kept(self):
        everything = resources("template.yaml")
        seal, queue = everything["Seal"]["Properties"], everything["Closed"]["Properties"]
        kept, waiting = seal["Events"]["Kept"]["Properties"], seal["Events"]["Waiting"]["Properties"]
        self.assertEqual((text(kept["Queue"]), kept["FunctionResponseTypes"]), ("Closed.Arn", ["ReportBatchItemFailures"]))
        # Lambda wants it so; else somebody else is told while the first is still at it.
        self.assertGreaterEqual(queue["VisibilityTimeout"], 6 * seal["Timeout"])
        self.assertEqual(text(queue["RedrivePolicy"]["deadLetterTargetArn"]), "Untold.Arn")
        self.assertEqual(json.loads(waiting["Input"]), json.loads((ROOT / "events/seal/waiting.json").read_text()))
        # Yesterday, when all of it has arrived; and once more when what has waited for people is closed.
        missed = {name: seal["Events"][name]["Properties"] for name in ("Missed", "MissedLater", "MissedLast")}
        said = {name: json.loads(one["Input"]) for name, one in missed.items()}
        self.assertEqual(said["Missed"], json.loads((ROOT / "events/seal/missed.json").read_text()))
        self.assertEqual(said["MissedLater"], said["Missed"] | {"days_ago": 8})
        # Behind the longest hold that policy takes, and before the index has forgotten what was closed on the day of its opening.
        wait = (ROOT / "crates/policy/src/settings_file.rs").read_text()
        [days] = re.findall(r"\(1\.\.=(\d+) \* 86_400\)", wait)
        self.assertGreater(said["MissedLast"]["days_ago"], int(days) + 1)
        self.assertGreater(read("template.yaml")["Parameters"]["IndexDays"]["MinValue"], said["MissedLast"]["days_ago"])
        for one in missed.values():
            self.assertEqual(text(one["DeadLetterConfig"]["Arn"]), "Unsealed.Arn")
        # What comes from no queue cannot be moved back into one, so it lies in another.
        self.assertEqual(text(waiting["DeadLetterConfig"]["Arn"]), "Unsealed.Arn")
        failed = seal["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
        self.assertEqual((failed["Type"], text(failed["Destination"])), ("SQS", "Unsealed.Arn"))

    def test_what_was_recorded_is_told_to_index_soon_and_what_it_could_not_write_is_kept(self):
        everything = resources("template.yaml")
        index, queue = everything["Index"]["Properties"], everything["ToIndex"]["Properties"]
        [(_, kept)] = index["Events"].items()
        kept = kept["Properties"]
        self.assertEqual((text(kept["Queue"]), kept["FunctionResponseTypes"]), ("ToIndex.Arn", ["ReportBatchItemFailures"]))
        # What waits here is not found yet.
        self.assertLessEqual(kept["MaximumBatchingWindowInSeconds"], 1)
        self.assertGreaterEqual(queue["VisibilityTimeout"], 6 * index["Timeout"])
        self.assertLessEqual(kept["ScalingConfig"]["MaximumConcurrency"], index["ReservedConcurrentExecutions"])
        self.assertEqual(text(queue["RedrivePolicy"]["deadLetterTargetArn"]), "Unindexed.Arn")

    def test_the_bucket_of_records_tells_a_topic_which_nobody_else_may_tell(self):
        state = resources("infra/state.yaml")
        told = state["Records"]["Properties"]["NotificationConfiguration"]
        self.assertEqual(set(told), {"TopicConfigurations"})
        [told] = told["TopicConfigurations"]
        self.assertEqual((told["Event"], text(told["Topic"])), ("s3:ObjectCreated:*", "Kept"))
        self.assertEqual(told["Filter"]["S3Key"]["Rules"], [{"Name": "prefix", "Value": "records/v1/"}])
        # S3 asks the topic when it is first told of it.
        self.assertEqual(state["Records"]["DependsOn"], "KeptPolicy")
        policy = {one["Sid"]: one for one in state["KeptPolicy"]["Properties"]["PolicyDocument"]["Statement"]}
        self.assertEqual({sid: one["Effect"] for sid, one in policy.items()},
                         {"OverTlsAlone": "Deny", "BucketsOfThisAccountTell": "Allow"})
        may = policy["BucketsOfThisAccountTell"]
        self.assertEqual((may["Principal"], may["Action"]), ({"Service": "s3.amazonaws.com"}, "sns:Publish"))
        # What is encrypted under a key can be told only by whoever may use it.
        self.assertEqual(text(state["Kept"]["Properties"]["KmsMasterKeyId"]), "Key.Arn")
        [uses] = [one for one in state["Key"]["Properties"]["KeyPolicy"]["Statement"]
                  if one["Principal"] == {"Service": "s3.amazonaws.com"}]
        self.assertEqual(uses["Action"], ["kms:Decrypt", "kms:GenerateDataKey"])
        for one in (may, uses):
            self.assertEqual(one["Condition"]["StringEquals"], {"aws:SourceAccount": {"Ref": "AWS::AccountId"}})
            self.assertEqual(text(one["Condition"]["ArnLike"]["aws:SourceArn"]), "s3:::*")

    def test_the_topic_tells_each_queue_as_it_was_told_and_what_it_could_not_tell_is_kept(self):
        everything = resources("template.yaml")
        subscribed = {name: one["Properties"] for name, one in everything.items() if one["Type"] == "AWS::SNS::Subscription"}
        self.assertEqual({text(one["Endpoint"]) for one in subscribed.values()}, {"Closed.Arn", "ToIndex.Arn"})
        last = {"Closed.Arn": "Untold", "ToIndex.Arn": "Unindexed"}
        for name, one in subscribed.items():
            with self.subTest(subscription=name):
                self.assertEqual((text(one["TopicArn"]), one["Protocol"]), ("State.Outputs.KeptArn", "sqs"))
                self.assertIs(one["RawMessageDelivery"], True)
                self.assertNotIn("FilterPolicy", one)
                queue = text(one["Endpoint"]).removesuffix(".Arn")
                dead = last[f"{queue}.Arn"]
                self.assertEqual(text(one["RedrivePolicy"]["deadLetterTargetArn"]), f"{dead}.Arn")
                # Only the topic may send, and it may before it is told to.
                self.assertEqual(everything[name]["DependsOn"], [f"{queue}Policy", f"{dead}Policy"])
                for to in (queue, dead):
                    [may] = everything[f"{to}Policy"]["Properties"]["PolicyDocument"]["Statement"]
                    self.assertEqual((may["Effect"], may["Principal"], may["Action"]),
                                     ("Allow", {"Service": "sns.amazonaws.com"}, "sqs:SendMessage"))
                    self.assertEqual(text(may["Resource"]), f"{to}.Arn")
                    self.assertEqual(text(may["Condition"]["ArnEquals"]["aws:SourceArn"]), "State.Outputs.KeptArn")


if __name__ == "__main__":
    unittest.main()
