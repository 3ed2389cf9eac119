"""Trino over folders that stand for buckets, with the tables of infra/athena.yaml."""

import base64
import json
import re
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from cfnlint.decode.cfn_yaml import load

HERE = Path(__file__).parent
TEMPLATE = HERE.parents[1] / "infra/athena.yaml"
QUERIES = HERE.parents[1] / "infra/athena"
CATALOG = "awsdatacatalog"
VERSION = re.search("<trino>(.*)</trino>", (HERE / "pom.xml").read_text())[1]

# Athena looks into folders below a partition, and takes a day without objects for an empty one.
CATALOG_PROPERTIES = """\
connector.name=hive
hive.metastore=file
hive.metastore.catalog.dir=local:///metastore
fs.native-local.enabled=true
local.location={buckets}
hive.recursive-directories=true
hive.ignore-absent-partitions=true
hive.partition-projection-enabled=true
"""
SERVER_PROPERTIES = """\
node.environment=test
node.internal-address=127.0.0.1
node.bind-ip=127.0.0.1
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
plugin.dir={plugins}
catalog.config-dir={catalogs}
query.max-memory=300MB
query.max-memory-per-node=300MB
memory.heap-headroom-per-node=100MB
"""
OPTIONS = [
    *("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--add-modules=jdk.incubator.vector"),
    *("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),
]


class Refused(Exception):
    """What Trino says of a statement that it does not run."""


class Trino:
    """One server, over one folder of buckets."""

    def __init__(self, jdk, libraries, folder):
        self.buckets, self.log = folder / "buckets", folder / "log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        etc, plugin = folder / "etc", folder / "plugins/hive"
        for new in (self.buckets / "metastore", etc / "catalog", plugin / "service/META-INF/services"):
            new.mkdir(parents=True)
        for library in (libraries / "hive").glob("*.jar"):
            (plugin / library.name).symlink_to(library.resolve())
        (plugin / "service/META-INF/services/io.trino.spi.Plugin").write_text("io.trino.plugin.hive.HivePlugin\n")
        (etc / f"catalog/{CATALOG}.properties").write_text(CATALOG_PROPERTIES.format(buckets=self.buckets))
        places = {"plugins": folder / "plugins", "catalogs": etc / "catalog"}
        (etc / "config.properties").write_text(SERVER_PROPERTIES.format(port=port, **places))
        path = str((libraries / "server").resolve() / "*")
        with self.log.open("w") as log:
            command = [jdk / "bin/java", *OPTIONS, f"-Dconfig={etc / 'config.properties'}", "-cp", path, HERE / "Start.java", VERSION]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)

    def wait(self):
        """Until it answers."""
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                if not self.get(f"{self.url}/v1/info")["starting"]:
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise SystemExit(f"Trino does not start:\n{self.log.read_text()[-4000:]}")

    def stop(self):
        self.process.kill()
        self.process.wait()

    @staticmethod
    def get(url, body=None, schema=""):
        headers = {"X-Trino-User": "auditor", "X-Trino-Catalog": CATALOG, "X-Trino-Schema": schema}
        request = urllib.request.Request(url, body, {**headers, "X-Trino-Time-Zone": "UTC"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def ask(self, schema, sql, *parameters):
        """The rows of a query, by the names of its columns, and how many bytes of objects it has read. Parameters fill its question marks, as
        Athena fills them in."""
        quoted = [text.replace("'", "''") for text in (sql, *parameters)]
        if parameters:
            using = ", ".join(f"'{text}'" for text in quoted[1:])
            sql = f"EXECUTE IMMEDIATE '{quoted[0]}' USING {using}"
        answer, columns, rows = self.get(f"{self.url}/v1/statement", sql.encode(), schema), [], []
        while True:
            if "error" in answer:
                raise Refused(f"{answer['error']['message']}\n{sql}")
            columns = [column["name"] for column in answer.get("columns", [])] or columns
            rows += answer.get("data", [])
            if "nextUri" not in answer:
                return [dict(zip(columns, row)) for row in rows], answer["stats"]["physicalInputBytes"]
            answer = self.get(answer["nextUri"])

    def lay(self, name, objects):
        """A bucket of this name with these objects, and a database of the same name with the tables of the template over it."""
        for key, content in objects.items():
            at = self.buckets / name / key
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(content)
        metastore = self.buckets / "metastore"
        database = {"writerVersion": VERSION, "databaseName": name, "parameters": {}}
        (metastore / f".{name}.trinoSchema").write_text(json.dumps(database))
        for table in tables(RecordsBucket=name, Database=name, FirstDay="2026-11-01", KeyArn=""):
            at = metastore / name / table["Name"]
            at.mkdir(parents=True)
            (at / ".trinoSchema").write_text(json.dumps(stored(table)))


class Bucket:
    """A layout of one day, and what the named queries say of it: of its objects, or of what `seal` has made of them."""

    def __init__(self, trino, name, objects, day, view="exchanges_of_objects"):
        self.trino, self.name, self.day, self.view = trino, name, day, view
        trino.lay(name, objects)

    def ask(self, query, *parameters):
        return self.read(query, *parameters)[0]

    def read(self, query, *parameters):
        """The same rows, and how many bytes were read for them."""
        sql = re.sub(r"\bFROM exchanges\b", f"FROM {self.view}", (QUERIES / f"{query}.sql").read_text())
        # Yesterday is the day of the records.
        sql = sql.replace("current_date", f"(DATE '{self.day}' + INTERVAL '1' DAY)")
        return self.trino.ask(self.name, sql, *parameters)


def tables(**parameters):
    """The tables that the template makes with these parameters."""
    resources = load(str(TEMPLATE))["Resources"].values()
    found = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::Glue::Table"]
    return [resolved(properties["TableInput"], parameters) for properties in found]


def resolved(node, parameters):
    """What CloudFormation makes of a part of a template."""
    if isinstance(node, list):
        return [resolved(each, parameters) for each in node]
    if not isinstance(node, dict):
        return str(node)
    match list(node.items()):
        case [("Ref", name)]:
            return parameters[name]
        case [("Fn::Sub", text)]:
            return re.sub(r"\$\{(!?)(\w+)\}", lambda name: f"${{{name[2]}}}" if name[1] else parameters[name[2]], text)
        case [("Fn::Join", [between, parts])]:
            return between.join(resolved(parts, parameters))
        case [("Fn::Base64", text)]:
            return base64.b64encode(resolved(text, parameters).encode()).decode()
    return {name: resolved(value, parameters) for name, value in node.items()}


def stored(table):
    """A table of Glue as the metastore of Trino keeps it in a file. Names of formats and settings are the same, buckets are folders."""
    storage = table["StorageDescriptor"]
    columns = [{"name": column["Name"], "type": column["Type"], "properties": {}} for column in storage["Columns"]]
    parameters = {name: value.replace("s3://", "local:///") for name, value in table["Parameters"].items()}
    kept = {
        "writerVersion": VERSION,
        "owner": "auditor",
        "tableType": table["TableType"],
        "dataColumns": columns,
        "partitionColumns": [
            {"name": column["Name"], "type": column["Type"], "properties": {}} for column in table.get("PartitionKeys", [])
        ],
        "parameters": parameters,
        "serdeParameters": storage["SerdeInfo"].get("Parameters", {}),
        "columnStatistics": {},
    }
    if table["TableType"] == "VIRTUAL_VIEW":
        texts = {"viewOriginalText": table["ViewOriginalText"], "viewExpandedText": table["ViewExpandedText"]}
        return {**kept, **texts, "originalStorageFormat": {}}
    names = ("InputFormat", "OutputFormat")
    formats = {name[0].lower() + name[1:]: storage[name] for name in names}
    formats["serde"] = storage["SerdeInfo"]["SerializationLibrary"]
    location = storage["Location"].replace("s3://", "local:///")
    return {**kept, "originalStorageFormat": formats, "externalLocation": location}
