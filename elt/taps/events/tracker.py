"""The tracker protocol: what the parameters of a payload are, and what they hold.

After docs.snowplow.io, "Snowplow atomic event properties". All values are text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from elt.taps.events import atomic
from elt.taps.events.found import Record
from elt.taps.events.moments import from_milliseconds

_PARAMETERS = {
    "aid": "app_id",
    "p": "platform",
    "tna": "name_tracker",
    "tv": "v_tracker",
    "eid": "event_id",
    "tid": "txn_id",
    "uid": "user_id",
    "duid": "domain_userid",
    "sid": "domain_sessionid",
    "vid": "domain_sessionidx",
    "nuid": "network_userid",
    "tnuid": "network_userid",
    "ip": "user_ipaddress",
    "fp": "user_fingerprint",
    "ua": "useragent",
    "url": "page_url",
    "page": "page_title",
    "refr": "page_referrer",
    "lang": "br_lang",
    "cd": "br_colordepth",
    "cs": "doc_charset",
    "tz": "os_timezone",
    "cookie": "br_cookies",
    "f_pdf": "br_features_pdf",
    "f_fla": "br_features_flash",
    "f_java": "br_features_java",
    "f_dir": "br_features_director",
    "f_qt": "br_features_quicktime",
    "f_realp": "br_features_realplayer",
    "f_wma": "br_features_windowsmedia",
    "f_gears": "br_features_gears",
    "f_ag": "br_features_silverlight",
    "se_ca": "se_category",
    "se_ac": "se_action",
    "se_la": "se_label",
    "se_pr": "se_property",
    "se_va": "se_value",
    "tr_id": "tr_orderid",
    "tr_af": "tr_affiliation",
    "tr_tt": "tr_total",
    "tr_tx": "tr_tax",
    "tr_sh": "tr_shipping",
    "tr_ci": "tr_city",
    "tr_st": "tr_state",
    "tr_co": "tr_country",
    "tr_cu": "tr_currency",
    "ti_id": "ti_orderid",
    "ti_sk": "ti_sku",
    "ti_nm": "ti_name",
    "ti_na": "ti_name",
    "ti_ca": "ti_category",
    "ti_pr": "ti_price",
    "ti_qu": "ti_quantity",
    "ti_cu": "ti_currency",
    "pp_mix": "pp_xoffset_min",
    "pp_max": "pp_xoffset_max",
    "pp_miy": "pp_yoffset_min",
    "pp_may": "pp_yoffset_max",
}
_MILLISECONDS = {
    "dtm": "dvce_created_tstamp",
    "stm": "dvce_sent_tstamp",
    "ttm": "true_tstamp",
}
_SIZES = {
    "res": ("dvce_screenwidth", "dvce_screenheight"),
    "vp": ("br_viewwidth", "br_viewheight"),
    "ds": ("doc_width", "doc_height"),
}
# Plain JSON under the first name, base64 under the second.
NESTED = {"contexts": ("co", "cx"), "unstruct_event": ("ue_pr", "ue_px")}
SEEN = {
    "e",
    *_PARAMETERS,
    *_MILLISECONDS,
    *_SIZES,
    *(name for names in NESTED.values() for name in names),
}
# What `e` says, as `event`, and what Enrich calls events that name no schema.
EVENTS = {
    "pv": ("page_view", "com.snowplowanalytics.snowplow", "page_view"),
    "pp": ("page_ping", "com.snowplowanalytics.snowplow", "page_ping"),
    "tr": ("transaction", "com.snowplowanalytics.snowplow", "transaction"),
    "ti": ("transaction_item", "com.snowplowanalytics.snowplow", "transaction_item"),
    "se": ("struct", "com.google.analytics", "event"),
    "ue": ("unstruct", "", ""),
}
PAYLOAD: dict[str, Any] = {
    "type": "object",
    "required": ["e", "p", "tv"],
    "properties": {
        "e": {"enum": list(EVENTS)},
        "eid": {"type": "string", "minLength": 1, "maxLength": 36},
    },
    "additionalProperties": {"type": "string"},
}
CONVERTERS = {
    name: atomic.CONVERTERS[holds]
    for name, holds in atomic.COLUMNS.items()
    if holds in atomic.CONVERTERS and name not in _MILLISECONDS.values()
}


def texts_of(payload: Mapping[str, str]) -> dict[str, str]:
    """Give the payload's values under the names of their columns, still as text."""
    texts = {_PARAMETERS[k]: v for k, v in payload.items() if v and k in _PARAMETERS}
    for key, name in _MILLISECONDS.items():
        if payload.get(key):
            found = from_milliseconds(payload[key])
            if found is None:
                raise ValueError(f"{key}: is not a number of milliseconds since 1970")
            texts[name] = found
    for key, (width, height) in _SIZES.items():
        if payload.get(key):
            texts[width], cross, texts[height] = payload[key].partition("x")
            if not cross:
                raise ValueError(f"{key}: is not WIDTHxHEIGHT")
    return texts


def typed(texts: Mapping[str, str]) -> Record:
    record: Record = dict(texts)
    name = ""
    try:
        for name in texts.keys() & CONVERTERS.keys():
            record[name] = CONVERTERS[name](texts[name])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return record


def unpacked(column: str, text: str) -> str:
    """Decode base64url, with or without its padding."""
    padded = text.replace("+", "-").replace("/", "_").rstrip("=")
    padded += "=" * (-len(padded) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{column}: is not base64: {error}") from error
