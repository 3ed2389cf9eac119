"""One subscription a reviewer, which lets through what is theirs alone."""

import json
import unittest

from templates import ROOT, SAID, read, resources, text


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
            "TopicArn": {"Ref": "Topic"},
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
        topic = resources("infra/reviewers.yaml")["Topic"]["Properties"]
        self.assertEqual(text(topic["KmsMasterKeyId"]), "KeyArn")
        self.assertNotIn("ArchivePolicy", topic)

    def test_everybody_who_has_a_subscription_is_told_to_the_functions_too(self):
        given = read("template.yaml")["Resources"]["Reviewing"]["Properties"]["Parameters"]
        self.assertEqual(given["Mails"], {"Fn::Join": [",", {"Ref": "ReviewerMails"}]})
        for mail in SAID["ReviewerMails"].split(","):
            self.assertIn(json.dumps(mail), SAID["Reviewers"])


if __name__ == "__main__":
    unittest.main()
