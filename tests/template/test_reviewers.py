"""One subscription a reviewer, which lets through what is theirs alone."""

import unittest

from templates import FILES, ROOT, read, resources, text


class Reviewers(unittest.TestCase):
    def test_each_mail_address_has_a_subscription_that_filters_by_it(self):
        template = read("infra/reviewers.yaml")
        self.assertIn("AWS::LanguageExtensions", template["Transform"])
        variable, addresses, body = template["Resources"]["Fn::ForEach::Reviewers"]
        self.assertEqual(addresses, {"Ref": "Mails"})
        [(name, one)] = body.items()
        # An address is no name of a resource: what is neither letter nor digit is left out.
        self.assertEqual((variable, name), ("Mail", "Subscription&{Mail}"))
        self.assertEqual(one["Properties"], {
            "TopicArn": {"Ref": "TopicArn"},
            "Protocol": "email",
            "Endpoint": "${Mail}",
            "FilterPolicyScope": "MessageAttributes",
            "FilterPolicy": {"reviewer": ["${Mail}"]},
        })

    def test_the_filter_is_by_the_attribute_that_the_code_sends(self):
        code = (ROOT / "crates/aws/src/notifier.rs").read_text()
        self.assertIn('const REVIEWER: &str = "reviewer";', code)

    def test_nothing_keeps_links_that_could_not_be_delivered(self):
        for one in resources("infra/reviewers.yaml", "AWS::SNS::Subscription").values():
            self.assertNotIn("RedrivePolicy", one["Properties"])
        topic = resources("infra/topic.yaml")["Topic"]["Properties"]
        self.assertEqual(text(topic["KmsMasterKeyId"]), "KeyArn")
        self.assertNotIn("ArchivePolicy", topic)

    def test_sam_need_not_read_a_loop(self):
        nested = [one["Properties"]["TemplateURL"]
                  for one in resources("template.yaml", "AWS::CloudFormation::Stack").values()]
        # Three are stacks of their own.
        alone = {"infra/reviewers.yaml", "infra/athena.yaml", "infra/operators.yaml"}
        self.assertEqual(set(nested), set(FILES) - alone - {"template.yaml"})
        for file in nested:
            self.assertFalse([name for name in read(file)["Resources"] if "::" in name], file)


if __name__ == "__main__":
    unittest.main()
