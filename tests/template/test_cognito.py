"""The user pool before a SAML provider: who may get which token, and what functions are told of it."""

import re
import tomllib
import unittest

from templates import ROOT, SAML, SEVERAL, read, resources, text
from variables import of_cognito, variables

FILE = "infra/cognito.yaml"


def clients():
    return {name: one["Properties"] for name, one in resources(FILE, "AWS::Cognito::UserPoolClient").items()}


class Cognito(unittest.TestCase):
    def test_the_pool_outlives_the_stack_and_takes_nobody_by_a_password(self):
        pool = resources(FILE)["Pool"]
        own = pool["Properties"]
        self.assertEqual((pool["DeletionPolicy"], pool["UpdateReplacePolicy"]), ("Retain", "Retain"))
        self.assertEqual((own["DeletionProtection"], own["MfaConfiguration"]), ("ACTIVE", "ON"))
        self.assertIs(own["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"], True)
        self.assertEqual(own["AccountRecoverySetting"]["RecoveryMechanisms"], [{"Name": "admin_only", "Priority": 1}])
        for name, client in clients().items():
            with self.subTest(client=name):
                # An empty list may be read as none, whose default lets people in by passwords.
                self.assertEqual(client["ExplicitAuthFlows"], ["ALLOW_REFRESH_TOKEN_AUTH"])
                self.assertEqual(client.get("SupportedIdentityProviders", []), [] if name == "Machine" else ["Company"])
        stack = read("template.yaml")["Resources"]["Cognito"]
        self.assertEqual((stack["Condition"], stack["DeletionPolicy"]), ("HasSaml", "Retain"))

    def test_each_client_has_one_flow_and_the_scopes_of_its_own(self):
        found = {
            name: (one["AllowedOAuthFlows"], one["AllowedOAuthScopes"], one["GenerateSecret"]) for name, one in clients().items()
        }
        self.assertEqual(found, {
            "Machine": (["client_credentials"], ["snowgate/sql"], True),
            "Person": (["code"], ["snowgate/sql"], False),
            # Were the page's tokens good for statements, whoever decides could ask by the sign-in of the page.
            "Page": (["code"], ["openid", "email"], False),
            "Auditor": (["code"], ["snowgate/audit"], False),
        })
        server = resources(FILE)["Gateway"]["Properties"]
        self.assertEqual((server["Identifier"], [one["ScopeName"] for one in server["Scopes"]]), ("snowgate", ["sql", "audit"]))
        for name, one in clients().items():
            # So that nobody who is let go keeps a good token for long.
            self.assertLessEqual(one["AccessTokenValidity"], 15, name)
            self.assertEqual(one["TokenValidityUnits"]["AccessToken"], "minutes", name)
            # With this scope whoever has the token could write attributes, groups and address among them.
            self.assertNotIn("aws.cognito.signin.user.admin", one["AllowedOAuthScopes"], name)

    def test_whoever_signs_in_comes_back_to_the_page_or_to_an_own_machine(self):
        self.assertEqual([text(url) for url in clients()["Page"]["CallbackURLs"]], ["${PageAddress}/a/callback"])
        for name in ("Person", "Auditor"):
            self.assertEqual(clients()[name]["CallbackURLs"], [{"Ref": "AgentCallback"}])
        pattern = read(FILE)["Parameters"]["AgentCallback"]["AllowedPattern"]
        for good in ("http://localhost:8080/callback", "https://agents.acme.example/callback"):
            self.assertRegex(good, pattern)
        for bad in ("http://agents.acme.example/callback", "http://localhost.acme.example/callback", "javascript:alert(1)", ""):
            self.assertNotRegex(bad, pattern)

    def test_tokens_of_no_other_client_are_let_in_and_the_runbook_says_how_agents_are_told_apart(self):
        body = (ROOT / "template.yaml").read_text()
        self.assertIn("audience: !If [HasSaml, [!GetAtt Cognito.Outputs.Machine, !GetAtt Cognito.Outputs.Person], [!Ref Audience]]", body)
        [issuer] = tomllib.loads(f"issuers = {of_cognito('Issuers')}")["issuers"]
        self.assertEqual(issuer["audience"], [of_cognito("Machine"), of_cognito("Person")])
        runbook = " ".join((ROOT / "infra/README.md").read_text().split())
        self.assertIn("A client that you add to the pool is refused", runbook)
        [how] = re.findall(r"\*\*To tell agents apart\*\*.*?Nobody has tried it\.", runbook)
        template, outputs = read("template.yaml"), read(FILE)["Outputs"]
        for name in re.findall(r"`(\w+)`", how):
            if name not in ("audience", "person_claim", "sub"):
                self.assertTrue(name in template["Parameters"] or name in outputs or name in read(FILE)["Parameters"], name)
        # Several issuers go with a Lambda authorizer alone, and that without SamlMetadata.
        self.assertIn("AuthorizerType=lambda", how)
        # Nobody can say so of the page then.
        written = variables(SEVERAL)["approval"]["SNOWGATE_REVIEWERS_ISSUER"]
        self.assertNotIn("person_claim", written)

    def test_an_answer_that_nobody_asked_for_signs_nobody_in(self):
        details = resources(FILE)["Company"]["Properties"]["ProviderDetails"]
        self.assertEqual((details["IDPInit"], details["RequestSigningAlgorithm"]), ("false", "rsa-sha256"))

    def test_functions_are_told_whose_tokens_have_no_audience(self):
        [issuer] = tomllib.loads(f"issuers = {of_cognito('Issuers')}")["issuers"]
        self.assertEqual(issuer["issuer"], of_cognito("Issuer"))
        self.assertEqual(issuer["audience"], [of_cognito("Machine"), of_cognito("Person")])
        self.assertNotIn(of_cognito("Page"), issuer["audience"])
        self.assertEqual((issuer["audience_claim"], issuer["types"], issuer["required_scopes"]), ("client_id", [""], ["snowgate/sql"]))
        reviewers = tomllib.loads(f"reviewers_issuer = {of_cognito('ReviewersIssuer')}")["reviewers_issuer"]
        self.assertEqual((reviewers["issuer"], reviewers["client_id"]), (issuer["issuer"], of_cognito("Page")))
        # A person is called alike in both kinds of token, so that nobody approves what they asked for themselves.
        self.assertEqual((issuer["person_claim"], reviewers["person_claim"]), ("username", "cognito:username"))

    def test_nothing_that_a_provider_sends_is_kept_but_what_is_read(self):
        # What is longer than an attribute takes lets nobody sign in, and none is ever taken away again.
        self.assertNotIn("Schema", resources(FILE)["Pool"]["Properties"])
        self.assertEqual(set(resources(FILE)["Company"]["Properties"]["AttributeMapping"]), {"email", "email_verified"})
        for name, client in clients().items():
            self.assertNotIn("WriteAttributes", client, name)
            self.assertLessEqual(set(client.get("ReadAttributes", [])), {"email", "email_verified"}, name)
        self.assertEqual(resources(FILE)["Pool"]["Properties"]["UsernameConfiguration"], {"CaseSensitive": False})

    def test_auditors_are_told_from_agents_by_client_scope_and_group(self):
        said = {"AuditorsIssuer": of_cognito("Issuer"), "AuditorsAudience": of_cognito("Auditor"), "AuditorsScope": "snowgate/audit",
                "AuditorsKeys": of_cognito("AuditorsKeys")}
        template = read("template.yaml")
        self.assertRegex(said["AuditorsKeys"], template["Parameters"]["AuditorsKeys"]["AllowedPattern"])
        [auditors] = tomllib.loads(f"auditors = {variables(SAML | said)['sessions']['SNOWGATE_AUDITORS']}")["auditors"]
        group = resources(FILE)["Auditors"]["Properties"]["GroupName"]
        self.assertEqual(auditors, {
            "issuer": of_cognito("Issuer"), "audience": [of_cognito("Auditor")], "audience_claim": "client_id",
            "required_scopes": ["snowgate/audit"], "algorithms": ["RS256"], "types": [""], "groups_claim": "cognito:groups",
            # Everybody of the company may sign in at the client.
            "required_groups": [group],
            "agent_claim": "client_id", "person_claim": "username",
        })
        [agents] = tomllib.loads(f"issuers = {of_cognito('Issuers')}")["issuers"]
        self.assertFalse(set(agents["audience"]) & set(auditors["audience"]))
        for name, output in (("SamlIssuer", "Issuer"), ("SamlAuditor", "Auditor"), ("SamlAuditorsKeys", "AuditorsKeys")):
            self.assertEqual(template["Outputs"][name]["Value"], {"Fn::GetAtt": ["Cognito", f"Outputs.{output}"]})

    def test_keys_of_auditors_are_whole_keys_and_nothing_else(self):
        pattern = read("template.yaml")["Parameters"]["AuditorsKeys"]["AllowedPattern"]
        for good in ("", ', types = ["JWT", ""]', ', agent_claim = "azp", person_proof = "sid"', ", leeway_seconds = 30"):
            self.assertRegex(good, pattern)
        for bad in ('types = ["JWT"]', ", types", ', agent_claim = "azp"}', ', agent_claim = "azp"}, {issuer = "https://evil.example"', ', a = "x\\"'):
            self.assertNotRegex(bad, pattern)

    def test_whoever_verifies_is_told_the_same(self):
        told = variables(SAML)
        for function in ("query", "evidence"):
            self.assertEqual(told[function]["SNOWGATE_ISSUERS"], of_cognito("Issuers"))
        for function in ("query", "work", "approval"):
            self.assertEqual(told[function]["SNOWGATE_REVIEWERS_ISSUER"], of_cognito("ReviewersIssuer"))
        self.assertNotIn("authorizer", told)


if __name__ == "__main__":
    unittest.main()
