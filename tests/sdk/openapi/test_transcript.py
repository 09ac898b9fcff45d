"""What the Node suite and the command-line tool were answered, held against the document afterwards.

`run` has both write each answer, one JSON line, to the file that DUCAT_SDK_TRANSCRIPT names.
"""

import json
import os
import re
from collections import Counter

from spec import Document


def test_every_answer_the_node_suite_and_the_tool_saw_fits_the_document():
    with open(os.environ["DUCAT_SDK_TRANSCRIPT"], encoding="utf-8") as lines:
        seen = [json.loads(line) for line in lines if line.strip()]
    assert len(seen) >= 100, f"only {len(seen)} answers were recorded"
    document, found = Document(), Counter()
    for answer in seen:
        for finding in document.check_answer(answer["method"], answer["path"], answer["status"], answer["body"]):
            # One line for a whole list: which row it was does not matter.
            found[finding.kind, re.sub(r"\[\d+\]", "[]", str(finding))] += 1
    for kind in ("unknown", "absent"):
        for (_, what), count in sorted(x for x in found.items() if x[0][0] == kind):
            print(f"{kind}: {count}x {what}")
    errors = [f"{count}x {what}" for (kind, what), count in sorted(found.items()) if kind == "error"]
    assert not errors, "\n" + "\n".join(errors)
