"""Presidio over cells: {"id", "column_name", "value", ...} in, {"id", "spans", "unit"} out, one JSON object a line.

On standard error, at the end, how long it took: {"cells", "bytes", "seconds"}, processor time of the analysis alone.
Arguments: the spaCy model's package, and the score from which on a finding counts.
"""

import json
import re
import sys
import time

from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider

# Left out, as for the others: identifiers of things, and what a date or a link is by itself.
OUT_OF_SCOPE = {"URL", "DATE_TIME", "UUID", "NRP"}


def main(model, threshold):
    settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
    nlp = NlpEngineProvider(nlp_configuration=settings).create_engine()
    analyzer = AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"])
    entities = [kind for kind in analyzer.get_supported_entities("en") if kind not in OUT_OF_SCOPE]
    cells, size, seconds = 0, 0, 0.0
    for line in sys.stdin:
        row = json.loads(line)
        value = row["value"]
        # The column's name is context for Presidio, as it is for Snowgate.
        words = [word for word in re.split(r"[^a-z]+", row["column_name"].lower()) if word]
        begun = time.process_time()
        found = analyzer.analyze(value, language="en", entities=entities, score_threshold=threshold, context=words)
        seconds += time.process_time() - begun
        cells += 1
        size += len(value.encode())
        spans = [{"start": finding.start, "end": finding.end} for finding in found]
        print(json.dumps({"id": row["id"], "spans": spans, "unit": "char"}))
    print(json.dumps({"cells": cells, "bytes": size, "seconds": seconds}), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
