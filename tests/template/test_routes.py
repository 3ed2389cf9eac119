"""Who can be reached from outside, by which routes, and who must have shown a token before."""

import json
import re
import unittest

from templates import ROOT, read, resources, spelt_out, text

#: The routes that lead to each function, and whether API Gateway asks for an access token first.
ROUTES = {
    "Query": {
        "POST /api/v2/statements": True,
        "GET /api/v2/statements/{handle}": True,
        "POST /api/v2/statements/{handle}/cancel": True,
        "ANY /mcp": True,
        "GET /.well-known/oauth-protected-resource": False,
        "GET /.well-known/oauth-protected-resource/mcp": False,
    },
    "Evidence": {
        "POST /v1/prompts": False,
        "POST /v1/hooks/claude-code": False,
        "POST /v1/hooks/cursor": False,
        "POST /otlp/v1/logs": False,
        "POST /otlp/v1/traces": False,
    },
    "Sessions": {
        "GET /v1/exchanges": True,
        "GET /v1/exchanges/{session}/{number}": True,
        "GET /v1/sessions/{session}": True,
    },
    "Approval": {
        "GET /a/static/{name}": False,
        "GET /a/callback": False,
        "GET /a/{id}": False,
        "POST /a/{id}": False,
        "GET /a/{id}/review": False,
        "POST /a/{id}/review": False,
        "POST /a/{id}/decision": False,
        "POST /a/{id}/end": False,
    },
}

#: Which authorizer asks for it.
AUTHORIZERS = {"Query": "AccessToken", "Sessions": "AuditorsToken"}
#: The scopes that each asks for.
SCOPES = {
    "AccessToken": {"Fn::If": ["ByLambda", [], [{"Fn::If": ["HasSaml", "snowgate/sql", {"Ref": "Scope"}]}]]},
    "AuditorsToken": [{"Ref": "AuditorsScope"}],
}
#: The function that API Gateway itself asks, where it does not verify tokens.
AUTHORIZER = "Authorizer"

#: The functions that answer nobody but other services of the account.
INSIDE = {"Work", "Seal", "Index"}


def if_wanted(value):
    """What stands there where auditors are named; without them nothing does."""
    match value:
        case {"Fn::If": ["HasAuditors", wanted, {"Ref": "AWS::NoValue"}]}:
            return wanted
    return value


def routes_of_doors():
    """Of each function, the routes of the doors' API, and whether they have the authorizer."""
    found = {}
    for path, methods in spelt_out()["Api"]["Properties"]["Body"]["paths"].items():
        for method, one in if_wanted(methods).items():
            one = if_wanted(one)
            if method.startswith("x-amazon-apigateway-any"):
                method = "any"
            uri = text(if_wanted(one["x-amazon-apigateway-integration"]["uri"]))
            function = re.search(r"\$\{(\w+)Aliaslive\}|\$\{(\w+)\.Alias\}", uri)
            name = next(group for group in function.groups() if group)
            [(scheme, scopes)] = [entry for needed in one["security"] for entry in needed.items()]
            asks = scheme != "NONE"
            # A route that asks without the scope would take an ID token; one that asks by another's authorizer, another's tokens.
            if asks and (scheme, scopes) != (AUTHORIZERS[name], SCOPES[scheme]):
                raise AssertionError(f"{method} {path}: {scheme} {scopes}")
            found.setdefault(name, {})[f"{method.upper()} {path}"] = asks
    return found


def routes_of_page():
    return {
        one["Properties"]["RouteKey"]: one["Properties"]["AuthorizationType"] != "NONE"
        for one in resources("infra/page.yaml", "AWS::ApiGatewayV2::Route").values()
    }


def answered(function):
    """The routes that a function's router answers, as its source says."""
    code = "\n".join(path.read_text() for path in sorted((ROOT / f"functions/{function}/src").rglob("*.rs")))
    named = dict(re.findall(r'const (\w+): &str = "(/[^"]*)";', code))
    found = set()
    for path, handlers in re.findall(r'^\s*\.route\(([^,]+), (.*)\)$', code, re.MULTILINE):
        path = path.strip('"') if path.startswith('"') else named[path.rsplit("::", 1)[-1]]
        path = f"/a{path}" if function == "approval" else path
        # What only says that it is another method, and a HEAD that does nothing, are no routes.
        handlers = re.sub(r"\.(fallback|head)\([^)]*\)", "", handlers)
        found |= {f"{method.upper()} {path}" for method in re.findall(r"\b(get|post)\(", handlers)}
    return found


class Routes(unittest.TestCase):
    def test_each_function_has_its_routes_and_no_other(self):
        found = routes_of_doors() | {"Approval": routes_of_page()}
        self.assertEqual(found, ROUTES)

    def test_what_a_router_answers_has_a_route_and_the_reverse(self):
        for name, routes in ROUTES.items():
            with self.subTest(function=name):
                # MCP's path answers any method: most are told that it takes POST alone.
                wanted = {route.replace("ANY /mcp", "POST /mcp") for route in routes}
                self.assertEqual(answered(name.lower()), wanted)

    def test_what_is_inside_is_reached_by_machines_queue_and_schedule_alone(self):
        everything = spelt_out()
        functions = {name for name, one in everything.items() if one["Type"] == "AWS::Lambda::Function"}
        self.assertEqual(functions, set(ROUTES) | INSIDE | {AUTHORIZER})
        for name, one in everything.items():
            self.assertNotEqual(one["Type"], "AWS::Lambda::Url", name)
            if one["Type"] == "AWS::Lambda::Permission":
                own = one["Properties"]
                with self.subTest(permission=name):
                    self.assertEqual(own["Principal"], "apigateway.amazonaws.com")
                    for inside in INSIDE:
                        self.assertNotIn(inside, text(own["FunctionName"]))
                    self.assertTrue("SourceArn" in own, "anybody's API might call it")
        self.assertFalse(INSIDE & set(routes_of_doors()))
        for file in ["infra/page.yaml", "infra/state.yaml", "infra/watch.yaml", "infra/topic.yaml", "infra/reviewers.yaml"]:
            self.assertFalse(resources(file, "AWS::Lambda::Permission"), file)

    def test_doors_ask_for_tokens_of_the_issuer_for_this_audience_with_the_scope(self):
        body = spelt_out()["Api"]["Properties"]["Body"]
        condition, _, scheme = body["components"]["securitySchemes"]["AccessToken"]["Fn::If"]
        self.assertEqual(condition, "ByLambda")
        self.assertEqual(scheme["x-amazon-apigateway-authorizer"], {
            "type": "jwt",
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": {
                "issuer": {"Fn::If": ["HasSaml", {"Fn::GetAtt": ["Cognito", "Outputs.Issuer"]}, {"Ref": "Issuer"}]},
                "audience": {"Fn::If": [
                    "HasSaml",
                    [{"Fn::GetAtt": ["Cognito", "Outputs.Machine"]}, {"Fn::GetAtt": ["Cognito", "Outputs.Person"]}],
                    [{"Ref": "Audience"}],
                ]},
            },
        })

    def test_a_route_that_says_nothing_is_closed_to_everybody_outside_the_account(self):
        own = read("template.yaml")["Resources"]["Api"]["Properties"]["Auth"]
        self.assertEqual(own, {"EnableIamAuthorizer": True, "DefaultAuthorizer": "AWS_IAM"})

    def test_where_a_function_verifies_tokens_it_is_asked_each_time_and_answers_yes_or_no(self):
        everything = spelt_out()
        _, scheme, _ = everything["Api"]["Properties"]["Body"]["components"]["securitySchemes"]["AccessToken"]["Fn::If"]
        found = scheme["x-amazon-apigateway-authorizer"]
        self.assertEqual(found.pop("authorizerUri")["Fn::Sub"][1], {"Alias": {"Ref": "AuthorizerAliaslive"}})
        self.assertEqual(found, {
            "type": "request",
            "identitySource": "$request.header.Authorization",
            "authorizerPayloadFormatVersion": "2.0",
            "enableSimpleResponses": True,
            # What is kept would be said of a token that has expired meanwhile, or whose key was withdrawn.
            "authorizerResultTtlInSeconds": 0,
        })
        permission = everything["AuthorizerPermission"]
        self.assertEqual(permission["Condition"], "ByLambda")
        self.assertTrue(text(permission["Properties"]["SourceArn"]).endswith("${Api}/authorizers/*"))
        # API Gateway waits for ten seconds.
        self.assertLessEqual(read("template.yaml")["Resources"]["Authorizer"]["Properties"]["Timeout"], 10)

    def test_what_is_of_the_authorizer_alone_is_there_with_it_alone(self):
        own = {name for name, one in resources("template.yaml").items() if one.get("Condition") == "ByLambda"}
        self.assertEqual(own, {"Authorizer", "AuthorizerLog", "AuthorizerPermission"})
        for file, names in (("infra/rights.yaml", {"Authorizer"}), ("infra/watch.yaml", {"AuthorizerFaults"}),
                            ("infra/rollouts.yaml", {"AuthorizerFails", "AuthorizerErrors"})):
            found = {name for name, one in resources(file).items() if one.get("Condition") == "HasAuthorizer"}
            self.assertEqual(found, names, file)

    def test_a_role_that_reads_recordings_is_there_with_its_function_alone(self):
        self.assertEqual(resources("infra/rights.yaml")["Sessions"]["Condition"], "HasAuditors")
        rights = read("template.yaml")["Resources"]["Rights"]["Properties"]["Parameters"]
        self.assertEqual(rights["SessionsLogArn"], {"Fn::If": ["HasAuditors", {"Fn::GetAtt": ["SessionsLog", "Arn"]}, ""]})
        for name, one in (("Sessions", "SessionsRole"), ("Authorizer", "AuthorizerRole")):
            role = resources("infra/rights.yaml")[name]
            self.assertEqual(read("infra/rights.yaml")["Outputs"][one]["Condition"], role["Condition"])
            # By it the bucket lets write: so nobody bears it who is not there.
            self.assertIn("Condition", read("template.yaml")["Resources"][name])

    def test_whoever_says_half_of_it_is_told_before_anything_is_made(self):
        rules = read("template.yaml")["Rules"]
        said = {name: json.dumps(one["Assertions"]) for name, one in rules.items()}
        for name, which in (("ApiGatewayTakesOneIssuer", "jwt"), ("AFunctionTakesSeveral", "lambda")):
            self.assertIn(json.dumps({"Fn::Equals": [{"Ref": "AuthorizerType"}, which]}), json.dumps(rules[name]["RuleCondition"]))
            for parameter in ("Issuer", "Audience", "Issuers"):
                self.assertIn(json.dumps({"Ref": parameter}), said[name])
        for parameter in ("Issuer", "Audience", "ReviewersIssuer", "ReviewersClient", "SamlLoginName", "AuthorizerType"):
            self.assertIn(json.dumps({"Ref": parameter}), said["EverybodyComesFromTheSamlProvider"])
        for parameter in ("ReviewersIssuer", "ReviewersClient"):
            self.assertIn(json.dumps({"Ref": parameter}), said["ReviewersSignInSomewhere"])

    def test_auditors_have_an_authorizer_of_their_own_and_without_them_there_is_no_route(self):
        template = read("template.yaml")
        schemes = spelt_out()["Api"]["Properties"]["Body"]["components"]["securitySchemes"]
        condition, scheme, otherwise = schemes["AuditorsToken"]["Fn::If"]
        self.assertEqual((condition, otherwise), ("HasAuditors", {"Ref": "AWS::NoValue"}))
        self.assertEqual(scheme["x-amazon-apigateway-authorizer"], {
            "type": "jwt",
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": {"issuer": {"Ref": "AuditorsIssuer"}, "audience": [{"Ref": "AuditorsAudience"}]},
        })
        for path, methods in spelt_out()["Api"]["Properties"]["Body"]["paths"].items():
            is_theirs = f"GET {path}" in ROUTES["Sessions"]
            self.assertEqual("Fn::If" in methods, is_theirs, path)
        for name, one in spelt_out().items():
            if name.startswith("Sessions") and name != "SessionsLog":
                self.assertEqual(one["Condition"], "HasAuditors", name)
        # An agent's audience is no auditor's.
        asserted = [one["Assert"] for one in template["Rules"]["AuditorsAreNoAgents"]["Assertions"]]
        self.assertIn({"Fn::Not": [{"Fn::Equals": [{"Ref": "AuditorsAudience"}, {"Ref": "Audience"}]}]}, asserted)
        self.assertEqual(template["Rules"]["AuditorsAreNoAgents"]["RuleCondition"], template["Conditions"]["HasAuditors"])

    def test_apis_are_throttled_and_closed_at_their_own_address_once_they_have_a_name(self):
        api = read("template.yaml")["Resources"]["Api"]["Properties"]
        page = resources("infra/page.yaml")
        stage = page["Stage"]["Properties"]
        for settings in (api["DefaultRouteSettings"], stage["DefaultRouteSettings"]):
            self.assertTrue(settings["ThrottlingRateLimit"] and settings["ThrottlingBurstLimit"])
        # Auditors keep each other out less than five at once would, and nobody else.
        condition, theirs, without = api["RouteSettings"]["Fn::If"]
        self.assertEqual((condition, without), ("HasAuditors", {"Ref": "AWS::NoValue"}))
        self.assertEqual(set(theirs), set(ROUTES["Sessions"]))
        for settings in theirs.values():
            self.assertEqual(settings, {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 10})
        for own in (api, page["Api"]["Properties"]):
            self.assertEqual(own["DisableExecuteApiEndpoint"], {"Fn::If": ["HasDomain", True, False]})
        [server] = spelt_out()["Api"]["Properties"]["Body"]["servers"]
        endpoint = server["x-amazon-apigateway-endpoint-configuration"]
        self.assertEqual(endpoint["disableExecuteApiEndpoint"], {"Fn::If": ["HasDomain", True, False]})
        for domain in [*resources("infra/page.yaml", "AWS::ApiGatewayV2::DomainName").values(),
                       *resources("template.yaml", "AWS::ApiGatewayV2::DomainName").values()]:
            [endpoint] = domain["Properties"]["DomainNameConfigurations"]
            self.assertEqual((endpoint["EndpointType"], endpoint["SecurityPolicy"]), ("REGIONAL", "TLS_1_2"))

    def test_what_is_logged_of_a_request_names_nothing_of_it(self):
        formats = [
            read("template.yaml")["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"],
            resources("infra/page.yaml")["Stage"]["Properties"]["AccessLogSettings"]["Format"],
        ]
        allowed = {"requestTime", "requestId", "routeKey", "status", "responseLatency", "authorizer.error",
                   "integrationErrorMessage"}
        for one in formats:
            self.assertEqual(set(re.findall(r"\$context\.([\w.]+)", one)), allowed)
            self.assertIsInstance(json.loads(one), dict)


class Events(unittest.TestCase):
    def test_the_authorizer_is_asked_of_every_route_that_wants_an_agents_token_and_of_no_other(self):
        wanted = {route for function, routes in ROUTES.items() for route, asks in routes.items()
                  if asks and AUTHORIZERS[function] == "AccessToken"}
        seen = set()
        for file in sorted((ROOT / "events/authorizer").glob("*.json")):
            event = json.loads(file.read_text())
            with self.subTest(event=file.name):
                self.assertEqual((event["version"], event["type"]), ("2.0", "REQUEST"))
                self.assertEqual(event["requestContext"]["routeKey"], event["routeKey"])
                self.assertNotIn("authorizer", event["requestContext"])
                seen.add(event["routeKey"])
        self.assertEqual(seen, wanted)

    def test_every_route_has_an_event_and_every_event_a_route(self):
        for name, routes in ROUTES.items():
            seen = set()
            for file in sorted((ROOT / "events" / name.lower()).glob("*.json")):
                with self.subTest(event=file.name):
                    event = json.loads(file.read_text())
                    route = event["routeKey"]
                    seen.add(route)
                    self.assertIn(route, routes)
                    self.assertEqual(event["requestContext"]["routeKey"], route)
                    method, path = route.split(" ")
                    http = event["requestContext"]["http"]
                    self.assertIn(method, ("ANY", http["method"]))
                    self.assertRegex(http["path"], "^" + re.sub(r"\{\w+\}", "[^/]+", path) + "$")
                    self.assertEqual(http["path"], event["rawPath"])
                    # API Gateway tells what the authorizer has found, where there is one.
                    self.assertEqual("authorizer" in event["requestContext"], routes[route])
            # Two routes to one document.
            optional = {"GET /.well-known/oauth-protected-resource"}
            with self.subTest(function=name):
                self.assertEqual(set(routes) - seen - optional, set())


if __name__ == "__main__":
    unittest.main()
