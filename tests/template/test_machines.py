"""The state machines and the schedule: what they call, and under which names."""

import json
import unittest

from templates import ROOT, resources, text


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
        # What comes from no queue cannot be moved back into one, so it lies in another.
        self.assertEqual(text(waiting["DeadLetterConfig"]["Arn"]), "Unsealed.Arn")
        failed = seal["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
        self.assertEqual((failed["Type"], text(failed["Destination"])), ("SQS", "Unsealed.Arn"))

    def test_the_bucket_of_records_tells_the_queue_which_nobody_else_may_tell(self):
        [told] = resources("infra/state.yaml")["Records"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
        self.assertEqual((told["Event"], text(told["Queue"])), ("s3:ObjectCreated:*", "ClosedArn"))
        self.assertEqual(told["Filter"]["S3Key"]["Rules"], [{"Name": "prefix", "Value": "records/v1/"}])
        everything = resources("template.yaml")
        [may] = everything["ClosedPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        self.assertEqual((may["Principal"], may["Action"]), ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage"))
        self.assertEqual(may["Condition"]["StringEquals"], {"aws:SourceAccount": {"Ref": "AWS::AccountId"}})
        # S3 asks the queue when it is first told of it.
        self.assertEqual(everything["State"]["DependsOn"], "ClosedPolicy")


if __name__ == "__main__":
    unittest.main()
