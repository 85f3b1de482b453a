"""Automated exports: a day's files, each by a link that needs no key.

Of what is in them nothing is promised here but that they are packed CSV whose MD5 is as
listed (specification, `ExportFile`: name, md5sum, a presigned link).
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from datetime import UTC, date, datetime, timedelta

from elt.testing.apis.recurly.asked import Call, Reply, Site
from elt.testing.apis.recurly.reading import read_parameters
from elt.testing.apis.recurly.refusals import bad_request, missing
from elt.testing.apis.recurly.store import iso

DAYS_KEPT = 7
DOWNLOADS = "/downloads"
_KINDS = ("accounts", "invoices", "transactions")


def answer_dates(site: Site, call: Call) -> Reply:
    read_parameters(site, call, ())
    dates = [day.isoformat() for day in _days(site)]
    return Reply(body={"object": "export_dates", "dates": dates})


def answer_files(site: Site, call: Call) -> Reply:
    read_parameters(site, call, ())
    day = _day(site, call.within["date"])
    files = []
    for kind in _KINDS:
        content = export(site, kind, day)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        href = f"{call.origin}{DOWNLOADS}/{day}/{kind}.csv.gz?signature={digest[:12]}"
        files.append({"name": f"{kind}.csv.gz", "md5sum": digest, "href": href})
    return Reply(body={"object": "export_files", "files": files})


def export(site: Site, kind: str, day: date) -> bytes:
    """Write the rows that were made on a day as packed CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "created_at"])
    start = int(datetime.combine(day, datetime.min.time(), UTC).timestamp())
    for seconds, identity in site.store.created[kind].keys:
        if start <= seconds < start + 86400:
            writer.writerow([identity, iso(seconds)])
    return gzip.compress(text.getvalue().encode(), mtime=0)


def _days(site: Site) -> list[date]:
    today = site.clock.now().date()
    return [today - timedelta(days=n) for n in range(1, DAYS_KEPT + 1)]


def _day(site: Site, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise bad_request("Date must be in YYYY-MM-DD format", "export_date") from None
    if day not in _days(site):
        raise missing("ExportDate", text.replace("-", "/"), "export_date")
    return day
