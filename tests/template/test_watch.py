"""What alarms and the dashboard look at is there: sentences that the code says, and metrics that AWS counts."""

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
    ("AWS/SQS", ("QueueName",)): {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    ("AWS/States", ("StateMachineArn",)): {"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed"},
}

#: Which crates a function's log is written by.
SAYS = {
    "QueryLog": ["crates/gateway/src", "crates/aws/src", "functions/query"],
    "WorkLog": ["crates/gateway/src", "crates/aws/src", "functions/work"],
    "ApprovalLog": ["crates/gateway/src", "crates/aws/src", "functions/approval"],
    "EvidenceLog": ["crates/gateway/src", "crates/aws/src", "functions/evidence"],
    "SealLog": ["crates/aws/src", "functions/seal"],
    "AuthorizerLog": ["functions/authorizer"],
}


def watch():
    return resources("infra/watch.yaml")


#: The metric that functions tell by a line of their own, and who writes it.
TOLD = {"Dollars": "crates/lambda/src/cost.rs"}


def own_metrics():
    filters = resources("infra/watch.yaml", "AWS::Logs::MetricFilter").values()
    return {one["Properties"]["MetricTransformations"][0]["MetricName"] for one in filters} | set(TOLD)


class Watch(unittest.TestCase):
    def test_every_sentence_that_is_counted_is_said_in_the_log_that_is_read(self):
        for name, one in resources("infra/watch.yaml", "AWS::Logs::MetricFilter").items():
            pattern, log = one["Properties"]["FilterPattern"], text(one["Properties"]["LogGroupName"])
            for sentence in re.findall(r'\$\.fields\.message = "([^"]+)"', pattern):
                said = any(
                    f'"{sentence}"' in path.read_text()
                    for folder in SAYS[log] for path in (ROOT / folder).rglob("*.rs"))
                self.assertTrue(said, f"{name}: nobody says: {sentence}")

    def test_what_is_counted_of_requests_is_in_their_log(self):
        wanted = '"status":"$context.status"'
        self.assertIn(wanted, read("template.yaml")["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"])
        patterns = [one["Properties"]["FilterPattern"]
                    for one in resources("infra/watch.yaml", "AWS::Logs::MetricFilter").values()
                    if text(one["Properties"]["LogGroupName"]) == "ApiLog"]
        self.assertEqual(len(patterns), 1)
        for pattern in patterns:
            self.assertEqual(set(re.findall(r"\$\.(\w+)", pattern)), {"status"})
            self.assertTrue(re.findall(r'= "\d{3}"', pattern))

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

    def test_every_formula_names_its_metrics_and_one_of_them_is_watched(self):
        for name, one in resources("infra/watch.yaml", "AWS::CloudWatch::Alarm").items():
            metrics = one["Properties"].get("Metrics", [])
            ids = {m["Id"] for m in metrics if "MetricStat" in m}
            formulas = [m for m in metrics if "Expression" in m]
            # An alarm may look at ten metrics.
            self.assertLessEqual(len(ids), 10, name)
            for formula in formulas:
                named = re.findall(r"FILL\((\w+), 0\)", formula["Expression"])
                self.assertEqual(sorted(named), sorted(ids), name)
                # Of a sum in which one is missing there is nothing.
                rest = re.sub(r"FILL\(\w+, 0\)", "", formula["Expression"])
                self.assertNotRegex(rest, "[a-zA-Z]", name)
            if metrics:
                self.assertEqual(sum(m["ReturnData"] for m in metrics), 1, name)

    def test_what_calls_cost_is_told_by_every_function_and_summed_up(self):
        for metric, file in TOLD.items():
            self.assertIn(f'"Name":"{metric}"', (ROOT / file).read_text())
        for name in resources("template.yaml", "AWS::Serverless::Function"):
            code = (ROOT / f"functions/{name.lower()}/lambda/src/main.rs").read_text()
            self.assertRegex(code, r"_(http|runtime)::run\((told\.)?surroundings\.counted\(", f"{name}: its calls cost nothing")
        [functions] = [m for m in watch()["CostPerHour"]["Properties"]["Metrics"] if m["Id"] == "functions"]
        self.assertNotIn("Dimensions", functions["MetricStat"]["Metric"])

    def test_every_function_that_is_not_begun_is_seen(self):
        seen = {m["Id"] for m in watch()["FunctionsThrottled"]["Properties"]["Metrics"] if "MetricStat" in m}
        self.assertEqual(seen, {name.lower() for name in resources("template.yaml", "AWS::Serverless::Function")})

    def test_every_alarm_reaches_the_operators_where_there_are_any(self):
        for name, one in resources("infra/watch.yaml", "AWS::CloudWatch::Alarm").items():
            actions = one["Properties"]["AlarmActions"]
            self.assertEqual(actions, {"Fn::If": ["HasOperator", [{"Ref": "Operators"}], {"Ref": "AWS::NoValue"}]}, name)
            self.assertTrue(one["Properties"]["AlarmDescription"])
            self.assertIn(one["Properties"]["TreatMissingData"], ("notBreaching", "breaching"))

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
        self.assertLessEqual(set(given), set(template["Parameters"]))


if __name__ == "__main__":
    unittest.main()
