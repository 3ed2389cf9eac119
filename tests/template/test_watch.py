"""What alarms and the dashboard look at is there: sentences that the code says, and metrics that AWS counts."""

import functools
import json
import re
import unittest

from templates import ROOT, read, resources, text

#: The metrics of AWS that are looked at, by namespace and dimension (its documentation of each service).
COUNTED = {
    ("AWS/Lambda", ("FunctionName",)): {"Duration", "Invocations", "Throttles", "ConcurrentExecutions"},
    ("AWS/ApiGateway", ("ApiId",)): {"Count", "4xx", "5xx", "Latency"},
    ("AWS/DynamoDB", ("TableName",)): {
        "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"},
    ("AWS/DynamoDB", ("GlobalSecondaryIndexName", "TableName")): {"ConsumedWriteCapacityUnits"},
    ("AWS/SNS", ("TopicName",)): {"NumberOfMessagesPublished", "NumberOfNotificationsFailed"},
    ("AWS/SQS", ("QueueName",)): {
        "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage", "NumberOfMessagesSent"},
    ("AWS/States", ("StateMachineArn",)): {
        "ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"},
}

#: Which crates a function's log is written by.
SAYS = {
    "QueryLog": ["crates/gateway/src", "crates/aws/src", "functions/query"],
    "WorkLog": ["crates/gateway/src", "crates/aws/src", "functions/work"],
    "ApprovalLog": ["crates/gateway/src", "crates/aws/src", "functions/approval"],
    "EvidenceLog": ["crates/gateway/src", "crates/aws/src", "functions/evidence"],
    "SealLog": ["crates/aws/src", "functions/seal"],
    "SessionsLog": ["crates/gateway/src", "crates/aws/src", "functions/sessions"],
    "IndexLog": ["crates/aws/src", "functions/index"],
    "AuthorizerLog": ["functions/authorizer"],
}


def watch():
    return resources("infra/watch.yaml")


@functools.cache
def code_of(*logs):
    """The code of whatever writes these logs."""
    folders = {folder for log in logs for folder in SAYS[log]}
    return "\n".join(path.read_text() for folder in sorted(folders) for path in sorted((ROOT / folder).rglob("*.rs")))


def written_metrics():
    """What a function writes into its log as a metric, under the namespace that it is told."""
    code = (ROOT / "functions/index/src/metrics.rs").read_text()
    namespace = read("template.yaml")["Resources"]["Index"]["Properties"]["Environment"]["Variables"]["SNOWGATE_METRICS"]
    assert text(namespace).replace("AWS::StackName", "Name") == "Snowgate/${Name}"
    return set(re.findall(r'"Name": "(\w+)", "Unit"', code))


#: The metric that functions tell by a line of their own, and who writes it.
TOLD = {"Dollars": "crates/lambda/src/cost.rs"}


def own_metrics():
    filters = resources("infra/watch.yaml", "AWS::Logs::MetricFilter").values()
    return {one["Properties"]["MetricTransformations"][0]["MetricName"] for one in filters} | written_metrics() | set(TOLD)


class Watch(unittest.TestCase):
    def test_every_sentence_that_is_counted_is_said_in_the_log_that_is_read(self):
        for name, one in resources("infra/watch.yaml", "AWS::Logs::MetricFilter").items():
            pattern, log = one["Properties"]["FilterPattern"], text(one["Properties"]["LogGroupName"])
            for sentence in re.findall(r'\$\.fields\.message = "([^"]+)"', pattern):
                # A `*` at its beginning stands for any text.
                literal = f'{sentence[1:]}"' if sentence.startswith("*") else f'"{sentence}"'
                self.assertIn(literal, code_of(log), f"{name}: nobody says: {sentence}")

    def test_what_nothing_mends_by_itself_rings_on_the_first_line(self):
        filters = {text(one["Properties"]["LogGroupName"]): one["Properties"]["FilterPattern"] for name, one in watch().items() if name.endswith("MustLook")
                   and one["Type"] == "AWS::Logs::MetricFilter"}
        self.assertEqual(set(filters), set(SAYS) - {"AuthorizerLog"})
        others = {
            "the policy bundle in force cannot be had: the last good one decides for an hour at most": {
                "QueryLog", "WorkLog", "ApprovalLog", "EvidenceLog", "SessionsLog"},
            "the state of a statement is damaged, and it is left out": {"QueryLog", "WorkLog", "ApprovalLog", "EvidenceLog", "SealLog"},
            "an exchange cannot be carried on": {"WorkLog"},
        }
        for log, pattern in filters.items():
            sentences = set(re.findall(r'\$\.fields\.message = "([^"]+)"', pattern))
            self.assertEqual(sentences, {"*: somebody must look"} | {one for one, logs in others.items() if log in logs}, log)
        # Whatever says so to the log says it at the end, behind a colon, at a level that is written.
        said = re.findall(r'"([^"\n]*somebody must look[^"\n]*)"', code_of(*SAYS))
        self.assertGreaterEqual(len(said), 5)
        for sentence in said:
            self.assertTrue(sentence.endswith(": somebody must look"), sentence)
        for alarm in ("SomebodyMustLook", "PolicyChanged", "PageFails", "ReviewersNotTold"):
            own = watch()[alarm]["Properties"]
            self.assertEqual((own["Statistic"], own["EvaluationPeriods"], own["Threshold"]), ("Sum", 1, 1), alarm)

    def test_another_bundle_rings_of_every_function_that_decides_or_shows_by_it(self):
        filters = {text(one["Properties"]["LogGroupName"]) for name, one in watch().items() if name.endswith("PolicyChanged")
                   and one["Type"] == "AWS::Logs::MetricFilter"}
        self.assertEqual(filters, {"QueryLog", "WorkLog", "ApprovalLog", "EvidenceLog"})
        self.assertRegex(code_of("QueryLog"), r'info!\(bundle = [^,]+, "another policy bundle is in force"\)')
        self.assertIn("`snowgate policy log`", watch()["PolicyChanged"]["Properties"]["AlarmDescription"])

    def test_both_apis_ring_where_they_answer_that_something_broke(self):
        apis = {text(one["Properties"]["Dimensions"][0]["Value"]) for one in watch().values() if one["Properties"].get("MetricName") == "5xx"}
        self.assertEqual(apis, {"Api", "PageApi"})

    def test_a_value_that_is_read_off_a_line_stands_in_it(self):
        for name, one in resources("infra/watch.yaml", "AWS::Logs::MetricFilter").items():
            value = one["Properties"]["MetricTransformations"][0]["MetricValue"]
            if value != "1":
                self.assertEqual((name, value), ("RowsMissed", "$.fields.missed"))
                [sentence] = re.findall(r'\$\.fields\.message = "([^"]+)"', one["Properties"]["FilterPattern"])
                code = (ROOT / "functions/seal/src/lib.rs").read_text()
                self.assertRegex(code, rf'info!\((\w+, )*missed, "{re.escape(sentence)}"')

    def test_the_index_is_late_at_ten_seconds_for_one_in_a_hundred(self):
        late = watch()["IndexLate"]["Properties"]
        self.assertEqual((late["MetricName"], late["ExtendedStatistic"], late["Threshold"]), ("IndexLag", "p99", 10000))
        self.assertNotIn("Statistic", late)

    def test_that_the_index_stands_still_is_told_by_its_queue(self):
        stopped = watch()["IndexStopped"]["Properties"]
        self.assertEqual((stopped["MetricName"], text(stopped["Dimensions"][0]["Value"])), ("ApproximateAgeOfOldestMessage", "ToIndex"))
        # It waits on, whatever the queue itself does with what failed: that is ten times its time.
        queue = resources("template.yaml")["ToIndex"]["Properties"]
        self.assertLess(stopped["Threshold"], queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"])

    def test_what_breaks_is_counted_alike_of_every_function_and_of_the_authorizer_by_its_words(self):
        functions = set(resources("template.yaml", "AWS::Serverless::Function"))
        patterns = {name: watch()[f"{name}Faults"]["Properties"]["FilterPattern"] for name in functions}
        self.assertEqual({name for name in watch() if name.endswith("Faults")}, {f"{name}Faults" for name in functions} | {"SomethingFaults"})
        self.assertEqual(len({pattern for name, pattern in patterns.items() if name != "Authorizer"}), 1)
        for name, pattern in patterns.items():
            self.assertEqual(text(watch()[f"{name}Faults"]["Properties"]["LogGroupName"]), f"{name}Log")
            # What Lambda says of a call that took too long, or of a function that did not start.
            for word in ('$.record.status = "timeout"', '$.record.errorType = "Runtime.ExitError"'):
                self.assertIn(word, pattern, name)
            self.assertEqual('$.level = "ERROR"' in pattern, name != "Authorizer")

    def test_a_setting_that_every_instance_tells_as_it_starts_rings_nothing(self):
        # An end of `*` stands for any text (CloudWatch's own syntax of JSON patterns); && binds before ||.
        wanted = '($.level = "ERROR" && ($.fields.message NOT EXISTS || $.fields.message != "TAGS ARE NOT READ*")) || '
        for file in ("infra/watch.yaml", "infra/rollouts.yaml"):
            errors = [one["Properties"]["FilterPattern"] for one in resources(file, "AWS::Logs::MetricFilter").values()
                      if "$.level" in one["Properties"]["FilterPattern"]]
            self.assertGreaterEqual(len(errors), 4)
            for pattern in errors:
                self.assertTrue(pattern.startswith("{ " + wanted), pattern)
        # It is said as a whole line, and begins so.
        self.assertIn('"TAGS ARE NOT READ, ', (ROOT / "crates/settings/src/wiring.rs").read_text())
        self.assertIn('tracing::error!("{told}")', (ROOT / "crates/lambda/src/stores.rs").read_text())

    def test_no_pattern_is_longer_than_cloudwatch_takes(self):
        for file in ("infra/watch.yaml", "infra/rollouts.yaml"):
            for name, one in resources(file, "AWS::Logs::MetricFilter").items():
                self.assertLessEqual(len(one["Properties"]["FilterPattern"]), 1024, name)

    def test_each_queue_that_is_worked_off_has_an_age(self):
        aged = {text(one["Properties"]["Dimensions"][0]["Value"]) for one in resources("infra/watch.yaml", "AWS::CloudWatch::Alarm").values()
                if one["Properties"].get("MetricName") == "ApproximateAgeOfOldestMessage"}
        sources = {text(event["Properties"]["Queue"]).split(".")[0]
                   for one in resources("template.yaml", "AWS::Serverless::Function").values()
                   for event in one["Properties"].get("Events", {}).values() if event["Type"] == "SQS"}
        self.assertEqual(aged, sources)

    def test_every_table_that_turns_calls_away_is_noticed(self):
        tables = {text(dimension["Value"]) for one in watch()["StateThrottled"]["Properties"]["Metrics"] if "MetricStat" in one
                  for dimension in one["MetricStat"]["Metric"]["Dimensions"]}
        self.assertEqual(tables, {f"{name}Table" for name in resources("infra/state.yaml", "AWS::DynamoDB::Table")})
        metrics = [one["MetricStat"]["Metric"] for one in watch()["StateThrottled"]["Properties"]["Metrics"] if "MetricStat" in one]
        pairs = {(text(one["Dimensions"][0]["Value"]), one["MetricName"]) for one in metrics}
        self.assertEqual(len(pairs), 2 * len(tables), "reads and writes of each")

    def test_every_table_is_part_of_what_an_hour_costs(self):
        metrics = [one["MetricStat"]["Metric"] for one in watch()["CostPerHour"]["Properties"]["Metrics"] if "MetricStat" in one]
        pairs = {(text(one["Dimensions"][0]["Value"]), one["MetricName"]) for one in metrics
                 if one["Namespace"] == "AWS/DynamoDB" and len(one["Dimensions"]) == 1}
        self.assertEqual(pairs, {(f"{name}Table", f"Consumed{what}CapacityUnits")
                                 for name in resources("infra/state.yaml", "AWS::DynamoDB::Table") for what in ("Read", "Write")})

    def test_what_is_counted_of_requests_is_in_their_log_of_the_doors_and_of_the_page(self):
        wanted = '"status":"$context.status"'
        self.assertIn(wanted, read("template.yaml")["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"])
        self.assertIn(wanted, resources("infra/page.yaml")["Stage"]["Properties"]["AccessLogSettings"]["Format"])
        own = [one["Properties"] for one in resources("infra/watch.yaml", "AWS::Logs::MetricFilter").values()
               if text(one["Properties"]["LogGroupName"]) in ("ApiLog", "PageLog")]
        self.assertEqual([text(one["LogGroupName"]) for one in own], ["ApiLog", "PageLog"])
        for one in own:
            self.assertEqual(one["MetricTransformations"][0]["MetricName"], "Unauthorised")
            self.assertEqual(set(re.findall(r"\$\.(\w+)", one["FilterPattern"])), {"status"})
            self.assertEqual(re.findall(r'= "(\d{3})"', one["FilterPattern"]), ["401", "403"])

    def test_every_metric_of_an_alarm_is_counted_by_aws_or_by_a_filter(self):
        used = set()
        for name, one in resources("infra/watch.yaml", "AWS::CloudWatch::Alarm").items():
            own = one["Properties"]
            stats = [m["MetricStat"]["Metric"] for m in own.get("Metrics", []) if "MetricStat" in m] or [own]
            for metric in stats:
                with self.subTest(alarm=name, metric=metric["MetricName"]):
                    namespace = text(metric["Namespace"])
                    if namespace == "Snowgate/${Name}":
                        self.assertIn(metric["MetricName"], own_metrics())
                        used.add(metric["MetricName"])
                    else:
                        dimensions = tuple(sorted(d["Name"] for d in metric["Dimensions"]))
                        self.assertIn(metric["MetricName"], COUNTED[namespace, dimensions])
        self.assertEqual(used, own_metrics(), "what is counted and not watched")

    def test_every_sum_names_its_metrics_and_nothing_that_is_silent_silences_it(self):
        for name, one in resources("infra/watch.yaml", "AWS::CloudWatch::Alarm").items():
            metrics = one["Properties"].get("Metrics", [])
            ids = [m["Id"] for m in metrics if "MetricStat" in m]
            # An alarm may look at ten metrics.
            self.assertLessEqual(len(ids), 10, name)
            for formula in [m["Expression"] for m in metrics if "Expression" in m]:
                self.assertEqual(sorted(re.findall(r"FILL\((\w+), 0\)", formula)), sorted(ids), name)
                # What AWS has not counted in a period has no point there, and a sum with a term that has none has none either.
                rest = re.sub(r"FILL\(\w+, 0\)", "", formula)
                self.assertNotRegex(rest, "[a-zA-Z]", f"{name}: a term is not filled")
            if metrics:
                self.assertEqual(sum(m["ReturnData"] for m in metrics), 1, name)

    def functions_of(self, alarm):
        return {text(dimension["Value"]) for one in watch()[alarm]["Properties"]["Metrics"] if "MetricStat" in one
                for dimension in one["MetricStat"]["Metric"]["Dimensions"] if dimension["Name"] == "FunctionName"}

    def test_every_function_that_could_not_be_begun_is_noticed(self):
        names = {text(one["Properties"]["FunctionName"]).replace("AWS::StackName", "Name")
                 for one in resources("template.yaml", "AWS::Serverless::Function").values()}
        self.assertEqual(self.functions_of("FunctionsThrottled"), names)

    def test_each_machine_that_gives_up_is_noticed_however_it_does(self):
        for machine in resources("template.yaml", "AWS::Serverless::StateMachine"):
            metrics = watch()[f"{machine}Failed"]["Properties"]["Metrics"]
            counted = {(one["MetricStat"]["Metric"]["MetricName"], text(one["MetricStat"]["Metric"]["Dimensions"][0]["Value"]))
                       for one in metrics if "MetricStat" in one}
            self.assertEqual(counted, {(name, f"{machine}Machine") for name in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")})

    def test_every_queue_of_what_failed_is_watched_and_what_cannot_be_emptied_by_a_redrive_rings_each_time(self):
        watched = {}
        for one in resources("infra/watch.yaml", "AWS::CloudWatch::Alarm").values():
            own = one["Properties"]
            if own.get("Namespace") == "AWS/SQS" and own["MetricName"] != "ApproximateAgeOfOldestMessage":
                watched[own["Dimensions"][0]["Value"]["Ref"]] = own["MetricName"]
        queues = set(resources("template.yaml", "AWS::SQS::Queue")) - {"Closed", "ToIndex"}
        self.assertEqual(set(watched), queues)
        redriven = {text(one["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]).split(".")[0]
                    for one in resources("template.yaml", "AWS::SQS::Queue").values() if "RedrivePolicy" in one["Properties"]}
        for queue, metric in watched.items():
            # SQS does not count as sent what it moves itself.
            wanted = "ApproximateNumberOfMessagesVisible" if queue in redriven else "NumberOfMessagesSent"
            self.assertEqual(metric, wanted, queue)

    def test_that_nobody_sweeps_is_not_hidden_by_what_else_calls_the_function(self):
        own = watch()["SweepStopped"]["Properties"]
        self.assertEqual((own["MetricName"], own["TreatMissingData"]), ("Swept", "breaching"))

    def test_what_calls_cost_is_told_by_every_function_and_summed_up(self):
        for metric, file in TOLD.items():
            self.assertIn(f'"Name":"{metric}"', (ROOT / file).read_text())
        for name in resources("template.yaml", "AWS::Serverless::Function"):
            code = (ROOT / f"functions/{name.lower()}/lambda/src/main.rs").read_text()
            self.assertRegex(code, r"_(http|runtime)::run\((told\.)?surroundings\.counted\(", f"{name}: its calls cost nothing")
        [functions] = [m for m in watch()["CostPerHour"]["Properties"]["Metrics"] if m["Id"] == "functions"]
        self.assertNotIn("Dimensions", functions["MetricStat"]["Metric"])

    def test_every_alarm_reaches_the_operators_where_there_are_any(self):
        for name, one in resources("infra/watch.yaml", "AWS::CloudWatch::Alarm").items():
            actions = one["Properties"]["AlarmActions"]
            self.assertEqual(actions, {"Fn::If": ["HasOperator", [{"Ref": "Operators"}], {"Ref": "AWS::NoValue"}]}, name)
            self.assertTrue(one["Properties"]["AlarmDescription"])
            self.assertIn(one["Properties"]["TreatMissingData"], ("notBreaching", "breaching"))

    def test_operators_are_told_who_wants_the_key_gone_or_takes_away_what_watches(self):
        rules = resources("infra/watch.yaml", "AWS::Events::Rule")
        self.assertEqual(set(rules), {"KeyTouched", "WatchTouched"})
        for name, one in rules.items():
            self.assertEqual(one["Condition"], "HasOperator", name)
            [target] = one["Properties"]["Targets"]
            # EventBridge wants no role for a topic, whose policy lets it.
            self.assertEqual(set(target), {"Id", "Arn", "InputTransformer"}, name)
            self.assertEqual(target["Arn"], {"Ref": "Operators"})
            told = target["InputTransformer"]
            letter = json.loads(told["InputTemplate"])
            self.assertEqual(set(re.findall(r"<(\w+)>", letter)), set(told["InputPathsMap"]))
        key = rules["KeyTouched"]["Properties"]["EventPattern"]["detail"]
        self.assertEqual(key["resources"], {"ARN": [{"Ref": "KeyArn"}]})
        # What its policy refuses, and what that can be taken away by.
        [denied] = [one for one in resources("infra/state.yaml")["Key"]["Properties"]["KeyPolicy"]["Statement"] if one["Effect"] == "Deny"]
        self.assertEqual({f"kms:{name}" for name in key["eventName"]}, {*denied["Action"], "kms:PutKeyPolicy"})
        calls = {name for one in rules["WatchTouched"]["Properties"]["EventPattern"]["detail"]["$or"] for name in one["eventName"]}
        self.assertEqual(calls, {
            "DeleteAlarms", "DisableAlarmActions", "PutMetricAlarm", "SetAlarmState", "DeleteRule", "DisableRule", "PutRule", "RemoveTargets",
            "PutTargets", "DeleteMetricFilter", "PutMetricFilter", "DeleteLogGroup", "DeleteTopic", "SetTopicAttributes", "AddPermission",
            "RemovePermission", "Unsubscribe", "SetSubscriptionAttributes"})
        # EventBridge takes 2,048 characters; a name of CloudFormation's has a hundred at most.
        pattern = json.dumps(rules["WatchTouched"]["Properties"]["EventPattern"])
        self.assertLess(len(pattern), 2048)
        # Names are CloudFormation's, and begin with the stack's.
        named = [*resources("infra/watch.yaml", "AWS::CloudWatch::Alarm").values(), *rules.values()]
        for one in [*named, *resources("infra/watch.yaml", "AWS::Logs::MetricFilter").values()]:
            self.assertFalse({"AlarmName", "Name", "FilterName"} & set(one["Properties"]))

    def test_alarms_and_rules_reach_the_operators_topic_which_needs_no_key(self):
        topic, policy = watch()["Operators"], watch()["OperatorsPolicy"]
        self.assertEqual((topic["Condition"], policy["Condition"]), ("HasOperator", "HasOperator"))
        self.assertEqual(policy["Properties"]["Topics"], [{"Ref": "Operators"}])
        said = {one["Sid"]: one for one in policy["Properties"]["PolicyDocument"]["Statement"]}
        let = {one["Principal"]["Service"]: one for one in said.values() if one["Effect"] == "Allow"}
        self.assertEqual(set(let), {"cloudwatch.amazonaws.com", "events.amazonaws.com"})
        self.assertEqual({one["Action"] for one in said.values()}, {"sns:Publish"})
        self.assertEqual(let["cloudwatch.amazonaws.com"]["Condition"], {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}})
        # EventBridge takes none here: with one nothing would ever be told.
        self.assertNotIn("Condition", let["events.amazonaws.com"])
        # Who has the stack's key disabled must not silence what tells of it.
        self.assertNotIn("KmsMasterKeyId", topic["Properties"])

    def test_the_dashboard_is_json_over_the_same_metrics(self):
        body = watch()["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        widgets = json.loads(body)["widgets"]
        self.assertGreater(len(widgets), 5)
        for widget in widgets:
            before = []
            for metric in widget["properties"]["metrics"]:
                metric = [part for part in metric if isinstance(part, str)]
                if metric[0] == "...":
                    metric = [*before[: len(before) - (len(metric) - 1)], *metric[1:]]
                metric = [before[at] if part == "." else part for at, part in enumerate(metric)]
                before = metric
                namespace, name, dimensions = metric[0], metric[1], tuple(sorted(metric[2::2]))
                with self.subTest(widget=widget["properties"]["title"], metric=metric):
                    if namespace == "Snowgate/${Name}":
                        self.assertIn(name, own_metrics())
                    else:
                        self.assertIn(name, COUNTED[namespace, dimensions])

    def test_what_the_dashboard_names_is_told(self):
        template = read("infra/watch.yaml")
        body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        self.assertLessEqual(set(re.findall(r"\$\{(\w+)\}", body)), set(template["Parameters"]))
        given = read("template.yaml")["Resources"]["Watch"]["Properties"]["Parameters"]
        needed = {name for name, one in template["Parameters"].items() if "Default" not in one}
        self.assertLessEqual(needed, set(given))
        # A parameter that nobody gives is none.
        self.assertEqual(set(given), set(template["Parameters"]))

    def test_what_stands_idle_is_as_many_alarms_and_metrics_as_the_runbook_says(self):
        # Those of auditors and of the authorizer are there with them alone.
        files = ("infra/rollouts.yaml", "infra/watch.yaml")
        alarms = [one["Properties"] for file in files for one in resources(file, "AWS::CloudWatch::Alarm").values() if "Condition" not in one]
        looked_at = sum(len([m for m in own.get("Metrics", []) if "MetricStat" in m]) or 1 for own in alarms)
        counted = {one["Properties"]["MetricTransformations"][0]["MetricName"] for file in files
                   for one in resources(file, "AWS::Logs::MetricFilter").values() if "Condition" not in one} | written_metrics() | set(TOLD)
        said = " ".join((ROOT / "infra/README.md").read_text().split())
        self.assertIn(f"{len(alarms)} alarms over {looked_at} metrics ({looked_at * 0.1:.2f})", said)
        self.assertIn(f"{len(counted)} metrics of logs ({len(counted) * 0.3:.2f})", said)


if __name__ == "__main__":
    unittest.main()
