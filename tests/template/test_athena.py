"""What a query may read, where its results lie, and what whoever audits may do.

Run with the templates' tests: `tests/template/run.sh`. What the queries answer is tested by `tests/athena/run.sh`.
"""

import unittest

from templates import listed, read, resources, text

ATHENA = "infra/athena.yaml"
RECORDS = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${RecordsBucket}"}

#: What whoever audits may do, and on what.
AUDITOR = [
    ("athena:BatchGetNamedQuery", "workgroup"),
    ("athena:BatchGetQueryExecution", "workgroup"),
    ("athena:GetNamedQuery", "workgroup"),
    ("athena:GetQueryExecution", "workgroup"),
    ("athena:GetQueryResults", "workgroup"),
    ("athena:GetQueryResultsStream", "workgroup"),
    ("athena:GetWorkGroup", "workgroup"),
    ("athena:ListNamedQueries", "workgroup"),
    ("athena:ListQueryExecutions", "workgroup"),
    ("athena:StartQueryExecution", "workgroup"),
    ("athena:StopQueryExecution", "workgroup"),
    ("glue:GetDatabase", "catalog"),
    ("glue:GetTable", "catalog"),
    ("glue:GetTables", "catalog"),
    ("kms:Decrypt", "key"),
    ("kms:GenerateDataKey", "key"),
    ("s3:AbortMultipartUpload", "result"),
    ("s3:GetBucketLocation", "records"),
    ("s3:GetBucketLocation", "results"),
    ("s3:GetObject", "record"),
    ("s3:GetObject", "result"),
    ("s3:ListBucket", "records"),
    ("s3:ListBucket", "results"),
    ("s3:ListBucketMultipartUploads", "results"),
    ("s3:ListMultipartUploadParts", "result"),
    ("s3:PutObject", "result"),
]

PLACES = {
    "athena:::workgroup/${Auditing}": "workgroup",
    "glue:::catalog": "catalog",
    "glue:::database/${Catalog}": "catalog",
    "glue:::database/default": "catalog",
    "glue:::table/${Catalog}/*": "catalog",
    "s3:::${RecordsBucket}": "records",
    # Bundles and the gateway's encrypted key lie in that bucket, too.
    "s3:::${RecordsBucket}/records/v1/*": "record",
    "s3:::${RecordsBucket}/exchanges/v1/*": "record",
    "s3:::${RecordsBucket}/looks/v1/*": "record",
    "Results.Arn": "results",
    "${Results.Arn}/*": "result",
    "KeyArn": "key",
}


def one(kind):
    """The one resource of a type."""
    (found,) = resources(ATHENA, kind).values()
    return found["Properties"]


class Athena(unittest.TestCase):
    def statements(self):
        return one("AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]

    def test_whoever_audits_may_what_is_written_here_and_nothing_else(self):
        found = set()
        for statement in self.statements():
            self.assertEqual(statement["Effect"], "Allow")
            for action in listed(statement["Action"]):
                found |= {(action, PLACES[text(place)]) for place in listed(statement["Resource"])}
        self.assertEqual(sorted(found), AUDITOR)

    def test_names_in_the_bucket_of_records_are_listed_where_records_lie_alone(self):
        (condition,) = [
            statement["Condition"]
            for statement in self.statements()
            if statement["Action"] == "s3:ListBucket" and statement["Resource"] == RECORDS
        ]
        self.assertEqual(condition, {"StringLike": {"s3:prefix": ["records/v1/*", "exchanges/v1/*", "looks/v1/*"]}})

    def test_the_key_opens_objects_alone(self):
        (statement,) = [statement for statement in self.statements() if text(statement["Resource"]) == "KeyArn"]
        via = {"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"}
        self.assertEqual(statement["Condition"], {"StringEquals": {"kms:ViaService": via}})

    def test_nobody_reads_without_bounds_or_leaves_results_elsewhere(self):
        own = one("AWS::Athena::WorkGroup")["WorkGroupConfiguration"]
        self.assertIs(own["EnforceWorkGroupConfiguration"], True)
        self.assertEqual(own["BytesScannedCutoffPerQuery"], {"Ref": "MostBytes"})
        self.assertLessEqual(read(ATHENA)["Parameters"]["MostBytes"]["Default"], 100_000_000_000)
        results = own["ResultConfiguration"]
        self.assertEqual(results["EncryptionConfiguration"], {"EncryptionOption": "SSE_KMS", "KmsKey": {"Ref": "KeyArn"}})
        self.assertEqual(results["OutputLocation"], {"Fn::Sub": "s3://${Results}/"})

    def test_results_are_nobody_elses_and_expire(self):
        own = one("AWS::S3::Bucket")
        self.assertEqual(set(own["PublicAccessBlockConfiguration"].values()), {True})
        (rule,) = own["LifecycleConfiguration"]["Rules"]
        self.assertEqual((rule["Status"], rule["ExpirationInDays"]), ("Enabled", {"Ref": "ResultDays"}))

    def test_every_query_stands_in_the_workgroup(self):
        for name, query in resources(ATHENA, "AWS::Athena::NamedQuery").items():
            with self.subTest(query=name):
                self.assertEqual(query["Properties"]["WorkGroup"], {"Ref": "Auditing"})


if __name__ == "__main__":
    unittest.main()
