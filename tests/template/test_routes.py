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
            schemes = [scheme for needed in one.get("security", []) for scheme in needed]
            found.setdefault(name, {})[f"{method.upper()} {path}"] = schemes == [AUTHORIZERS.get(name)]
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
        self.assertEqual(functions, set(ROUTES) | INSIDE)
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
        scheme = body["components"]["securitySchemes"]["AccessToken"]["x-amazon-apigateway-authorizer"]
        self.assertEqual(scheme["type"], "jwt")
        self.assertEqual(scheme["identitySource"], "$request.header.Authorization")
        own = read("template.yaml")["Resources"]["Api"]["Properties"]["Auth"]
        self.assertEqual(own["DefaultAuthorizer"], "AccessToken")
        authorizer = own["Authorizers"]["AccessToken"]
        self.assertEqual(
            (authorizer["JwtConfiguration"], authorizer["AuthorizationScopes"]),
            ({"issuer": {"Ref": "Issuer"}, "audience": [{"Ref": "Audience"}]}, [{"Ref": "Scope"}]),
        )

    def test_auditors_have_an_authorizer_of_their_own_and_without_them_there_is_no_route(self):
        template = read("template.yaml")
        authorizer = template["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"]["AuditorsToken"]
        told = {name: {"Fn::If": ["HasAuditors", {"Ref": f"Auditors{name}"}, {"Ref": name}]} for name in ("Issuer", "Audience")}
        self.assertEqual(
            (authorizer["JwtConfiguration"], authorizer["AuthorizationScopes"]),
            ({"issuer": told["Issuer"], "audience": [told["Audience"]]}, [{"Ref": "AuditorsScope"}]),
        )
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
