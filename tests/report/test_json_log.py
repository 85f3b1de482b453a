from __future__ import annotations

import io
from datetime import UTC, datetime

from elt.report.json_log import JsonLog


def test_the_json_log_is_as_promised(story, golden):
    out = io.StringIO()
    nine = datetime(2026, 11, 21, 9, 0, 0, 120_000, tzinfo=UTC)

    with JsonLog(out, now=lambda: nine) as log:
        for event in story.whole():
            log.listen(event)

    golden("events.jsonl", out.getvalue())
