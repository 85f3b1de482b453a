"""Snowplow's enriched event: its 131 columns in order, and what each of them holds.

The order is that of the TSV (docs.snowplow.io, "Enriched stream TSV file format"), the
types those of the schema com.snowplowanalytics.snowplow/atomic. Lengths are not
checked: Enrich has done so, with limits that its owner can change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal

from elt.taps.events.moments import is_moment
from elt.taps.kinds import DATE_TIME, INTEGER, NUMBER, STRING, Kind, schema_of

Holds = Literal["text", "integer", "number", "money", "boolean", "time", "json"]

# Columns beside each other that hold the same; `name*` stands for what is in the next.
_IN_ORDER: tuple[tuple[Holds, str], ...] = (
    ("text", "app_id platform"),
    ("time", "etl_tstamp collector_tstamp dvce_created_tstamp"),
    ("text", "event event_id"),
    ("integer", "txn_id"),
    ("text", "name_tracker v_tracker v_collector v_etl user_id user_ipaddress"),
    ("text", "user_fingerprint domain_userid"),
    ("integer", "domain_sessionidx"),
    ("text", "network_userid geo_country geo_region geo_city geo_zipcode"),
    ("number", "geo_latitude geo_longitude"),
    ("text", "geo_region_name ip_isp ip_organization ip_domain ip_netspeed"),
    ("text", "page_url page_title page_referrer page_urlscheme page_urlhost"),
    ("integer", "page_urlport"),
    ("text", "page_urlpath page_urlquery page_urlfragment"),
    ("text", "refr_urlscheme refr_urlhost"),
    ("integer", "refr_urlport"),
    ("text", "refr_urlpath refr_urlquery refr_urlfragment"),
    ("text", "refr_medium refr_source refr_term"),
    ("text", "mkt_medium mkt_source mkt_term mkt_content mkt_campaign"),
    ("json", "contexts"),
    ("text", "se_category se_action se_label se_property"),
    ("number", "se_value"),
    ("json", "unstruct_event"),
    ("text", "tr_orderid tr_affiliation"),
    ("money", "tr_total tr_tax tr_shipping"),
    ("text", "tr_city tr_state tr_country"),
    ("text", "ti_orderid ti_sku ti_name ti_category"),
    ("money", "ti_price"),
    ("integer", "ti_quantity"),
    ("integer", "pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max"),
    ("text", "useragent br_name br_family br_version br_type br_renderengine br_lang"),
    ("boolean", "br_features_pdf br_features_flash br_features_java"),
    ("boolean", "br_features_director br_features_quicktime br_features_realplayer"),
    ("boolean", "br_features_windowsmedia br_features_gears br_features_silverlight"),
    ("boolean", "br_cookies"),
    ("text", "br_colordepth"),
    ("integer", "br_viewwidth br_viewheight"),
    ("text", "os_name os_family os_manufacturer os_timezone dvce_type"),
    ("boolean", "dvce_ismobile"),
    ("integer", "dvce_screenwidth dvce_screenheight"),
    ("text", "doc_charset"),
    ("integer", "doc_width doc_height"),
    ("text", "tr_currency"),
    ("money", "tr_total_base tr_tax_base tr_shipping_base"),
    ("text", "ti_currency"),
    ("money", "ti_price_base"),
    ("text", "base_currency geo_timezone mkt_clickid mkt_network etl_tags"),
    ("time", "dvce_sent_tstamp"),
    ("text", "refr_domain_userid"),
    ("time", "refr_dvce_tstamp"),
    ("json", "derived_contexts"),
    ("text", "domain_sessionid"),
    ("time", "derived_tstamp"),
    ("text", "event_vendor event_name event_format event_version event_fingerprint"),
    ("time", "true_tstamp"),
)
COLUMNS: dict[str, Holds] = {
    name: holds for holds, names in _IN_ORDER for name in names.split()
}
# Where entities and self-describing events stand in the row of the event itself.
NESTED = tuple(name for name, holds in COLUMNS.items() if holds == "json")
# Money of any currency, and of conversions; 29 digits before the point.
_MONEY = {"type": ["null", "number"], "x-sql-datatype": "DECIMAL(38,9)"}
_MONEY_SCALE = 9
_SCHEMAS: dict[Holds, Mapping[str, Any]] = {
    "text": schema_of(STRING),
    "integer": schema_of(INTEGER),
    "number": schema_of(NUMBER),
    "money": _MONEY,
    "boolean": schema_of(Kind("boolean")),
    "time": schema_of(DATE_TIME),
    "json": schema_of(Kind("json")),
}
PROPERTIES: dict[str, Mapping[str, Any]] = {
    name: _SCHEMAS[holds] for name, holds in COLUMNS.items()
}
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII).fullmatch
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII).fullmatch


def integer(text: str) -> int:
    if not _INTEGER(text):
        raise ValueError("is not an integer")
    return int(text)


def number(text: str) -> Decimal:
    """Keep a number as it is written, but for zeros in front."""
    if not _NUMBER(text):
        raise ValueError("is not a number")
    return Decimal(text)


def money(text: str) -> Decimal:
    """Read an exact amount. Raises ValueError for one that the column would round."""
    found = number(text)
    exact = found.normalize()
    sign_digits_exponent = exact.as_tuple()
    exponent = sign_digits_exponent.exponent
    if not isinstance(exponent, int) or exponent < -_MONEY_SCALE:
        raise ValueError(f"has more than {_MONEY_SCALE} decimals")
    if exact.adjusted() >= 38 - _MONEY_SCALE:
        raise ValueError("is too large")
    return Decimal(format(found, "f"))


def boolean(text: str) -> bool:
    found = {"1": True, "0": False, "true": True, "false": False}.get(text)
    if found is None:
        raise ValueError("is not 0 or 1")
    return found


def time(text: str) -> str:
    """Write a time, which is UTC where it says nothing, as RFC 3339 has it."""
    if not is_moment(text):
        raise ValueError("is not a date and time")
    behind = text[len("2026-01-31 10:00:00") :]
    zone = "" if "+" in behind or "-" in behind or behind.endswith("Z") else "Z"
    return text[:10] + "T" + text[11:] + zone


CONVERTERS: dict[Holds, Callable[[str], Any]] = {
    "integer": integer,
    "number": number,
    "money": money,
    "boolean": boolean,
    "time": time,
}
