from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.hubspot.portal import Limits

POSTS = [
    "/crm/v3/objects/contacts",
    "/crm/v3/objects/contacts/search",
    "/crm/v3/objects/contacts/merge",
    "/crm/v3/objects/contacts/gdpr-delete",
    *(
        f"/crm/v3/objects/contacts/batch/{what}"
        for what in ("read", "create", "update", "upsert", "archive")
    ),
    *(
        f"/crm/v4/associations/contacts/companies/batch/{what}"
        for what in ("read", "create", "archive")
    ),
    "/crm/v3/properties/contacts",
    "/crm/v3/lists/search",
]
KEYS = ("inputs", "id", "idProperty", "properties", "email", "associations", "to")
KEYS += (
    "from",
    "types",
    "filterGroups",
    "filters",
    "propertyName",
    "operator",
    "value",
)
KEYS += ("values", "sorts", "limit", "after", "objectId", "primaryObjectId", "name")
KEYS += ("objectIdToMerge", "type", "fieldType", "label", "groupName", "options")
WORDS = ("email", "EQ", "GTE", "IN", "BETWEEN", "1", "-1", "²", "", "lastmodifieddate")
WORDS += ("number", "text", "string", "enumeration", "select", "99999999999999999999")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


rows = st.dictionaries(st.sampled_from(KEYS), json_values, max_size=4)
groups = st.fixed_dictionaries({"filters": st.lists(rows, max_size=2)})
definitions = st.fixed_dictionaries(
    dict.fromkeys(("name", "label", "groupName", "options"), json_values)
    | {"type": st.sampled_from(WORDS), "fieldType": st.sampled_from(WORDS)}
)


@pytest.fixture
def client(serve, ask):
    """Ask an account without limits."""
    limits = Limits(per_ten_seconds=10**6, searches_per_second=10**6)
    return ask(serve(HubSpot(company=False, limits=limits)))


@pytest.mark.slow
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=rows
    | st.fixed_dictionaries({"inputs": st.lists(rows, max_size=2)})
    | st.fixed_dictionaries({"filterGroups": st.lists(groups, max_size=2)})
    | definitions
)
def test_for_all_bodies_there_is_an_answer_and_no_accident(client, body):
    for path in POSTS:
        answer = client.post(path, json=body)

        assert answer.status_code < 500, (path, body)
