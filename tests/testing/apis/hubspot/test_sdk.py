"""With the vendor's own client, hubspot-api-client."""

from __future__ import annotations

import gc
from datetime import timedelta

import pytest

pytest.importorskip("hubspot")

import hubspot as sdk
from hubspot.crm import associations, companies, contacts, owners, properties
from hubspot.crm.associations import v4
from hubspot.crm.lists import ListSearchRequest
from hubspot.crm.objects import ApiException as ObjectsApiException
from hubspot.crm.schemas import ApiException as SchemasApiException
from hubspot.oauth import ApiException as OauthApiException

from elt.testing.apis.hubspot.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

SECOND = timedelta(seconds=1)

# The client leaves its connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def client():
    made = []

    def make(hubspot, token=None):
        token = token or hubspot.api.token
        made.append(sdk.HubSpot(access_token=token, host=hubspot.origin))
        return made[-1]

    yield make
    made.clear()
    gc.collect()


def test_all_contacts_are_paged_through(company, client):
    found = client(company).crm.contacts.get_all(properties=["email"])

    assert {int(c.id) for c in found} == set(company.api.records("contacts"))
    assert len(found) > 700
    assert "@" in found[0].properties["email"]


def test_a_record_is_read_by_its_id_and_by_a_unique_property(company, client):
    api = client(company).crm.companies.basic_api

    by_property = api.get_by_id(
        "acc_0258",
        id_property="account_id",
        properties=["name"],
        associations=["deals"],
    )
    by_id = api.get_by_id(by_property.id, properties_with_history=["lifecyclestage"])

    assert by_property.properties["name"] == "Lucky Spoon Bread, Butter & Co"
    deals = by_property.associations["deals"].results
    assert [deal.type for deal in deals] == [
        "company_to_deal",
        "company_to_deal_unlabeled",
    ]
    stages = [v.value for v in by_id.properties_with_history["lifecyclestage"]]
    assert stages[-1] == "lead"


def test_a_record_is_created_changed_and_archived(empty, client):
    api = client(empty).crm.contacts.basic_api
    given = contacts.SimplePublicObjectInputForCreate(
        properties={"email": "Ada@Example.org"}, associations=[]
    )

    made = api.create(given)
    changed = api.update(
        made.id, contacts.SimplePublicObjectInput(properties={"firstname": "Ada"})
    )
    api.archive(made.id)

    assert made.properties["email"] == "ada@example.org"
    assert changed.properties["firstname"] == "Ada"
    assert [c.id for c in api.get_page(archived=True).results] == [made.id]
    assert api.get_page().results == []


def test_a_contact_that_is_there_is_a_conflict(empty, client):
    (there,) = empty.api.add("contacts", {"email": "ada@example.org"})
    given = contacts.SimplePublicObjectInputForCreate(
        properties={"email": "ADA@example.org"}, associations=[]
    )

    with pytest.raises(contacts.ApiException) as refused:
        client(empty).crm.contacts.basic_api.create(given)

    assert refused.value.status == 409
    assert f"Existing ID: {there}" in refused.value.body


def test_what_changed_is_searched_for_and_paged_through(company, client):
    api = client(company).crm.deals.search_api
    found, after = [], None
    while True:
        page = api.do_search(
            {
                "filterGroups": [
                    {
                        "filters": [
                            {
                                "propertyName": "hs_lastmodifieddate",
                                "operator": "GTE",
                                "value": "1746057600000",
                            }
                        ]
                    }
                ],
                "sorts": ["hs_object_id"],
                "limit": 20,
                "after": after,
            }
        )
        found += [deal.id for deal in page.results]
        if page.paging is None:
            break
        after = page.paging.next.after
        company.api.clock.advance(SECOND)

    assert len(found) == page.total == len(set(found))
    assert len(found) > 20


def test_companies_are_upserted_by_a_property_of_the_accounts_own(empty, client):
    (there,) = empty.api.add("companies", {"name": "Fig", "account_id": "acc_1"})
    empty.api.define("companies", "account_id", is_unique=True)
    inputs = [
        companies.SimplePublicObjectBatchInputUpsert(
            id=account,
            id_property="account_id",
            properties={"health_score": score},
            object_write_trace_id=account,
        )
        for account, score in (("acc_1", "73.5"), ("acc_2", "12"))
    ]

    answer = client(empty).crm.companies.batch_api.upsert(
        companies.BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs)
    )

    by_trace = {one.object_write_trace_id: one for one in answer.results}
    assert by_trace["acc_1"].id == str(there)
    assert [by_trace["acc_1"].new, by_trace["acc_2"].new] == [False, True]
    assert empty.api.records("companies")[there]["health_score"] == "73.5"


def test_a_batch_with_a_bad_value_answers_for_each_input(empty, client):
    inputs = [
        companies.SimplePublicObjectBatchInputUpsert(
            id=f"acc_{number}",
            id_property="account_id",
            properties={"health_score": score},
            object_write_trace_id=str(number),
        )
        for number, score in enumerate(("1", "high", "3"))
    ]

    answer = client(empty).crm.companies.batch_api.upsert(
        companies.BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs)
    )

    assert answer.num_errors == 1
    assert answer.errors[0].context == {"objectWriteTraceId": ["1"]}
    assert {r.properties["account_id"] for r in answer.results} == {"acc_0", "acc_2"}


def test_batches_are_read_created_updated_and_archived(empty, client):
    api = client(empty).crm.objects.batch_api
    made = api.create(
        "tickets",
        {"inputs": [{"properties": {"hs_pipeline_stage": "1", "subject": "Help"}}]},
    )
    (ticket,) = made.results
    api.update(
        "tickets", {"inputs": [{"id": ticket.id, "properties": {"subject": "Helped"}}]}
    )
    read = api.read(
        "tickets", {"inputs": [{"id": ticket.id}], "properties": ["subject"]}
    )
    api.archive("tickets", {"inputs": [{"id": ticket.id}]})

    assert read.results[0].properties["subject"] == "Helped"
    assert empty.api.records("tickets") == {}


def test_two_contacts_are_merged_and_one_is_erased(empty, client):
    one, two, three = empty.api.add("contacts", {"email": "{n}@example.org"}, n=3)
    api = client(empty).crm

    winner = api.contacts.basic_api.merge(
        contacts.PublicMergeInput(
            primary_object_id=str(one), object_id_to_merge=str(two)
        )
    )
    api.contacts.basic_api.purge(contacts.PublicGdprDeleteInput(object_id=str(three)))

    assert winner.properties["hs_merged_object_ids"] == str(two)
    assert set(empty.api.records("contacts")) == {one}
    assert api.contacts.basic_api.get_page(archived=True).results == []


def test_associations_of_many_are_read(company, client):
    ids = [str(i) for i in list(company.api.records("companies"))[:3]]
    api = client(company).crm.associations

    new = api.v4.batch_api.get_page(
        "companies",
        "contacts",
        v4.BatchInputPublicFetchAssociationsBatchRequest(
            inputs=[{"id": i} for i in ids]
        ),
    )
    old = api.batch_api.read(
        "companies",
        "contacts",
        associations.BatchInputPublicObjectId(inputs=[{"id": i} for i in ids]),
    )

    assert [one._from.id for one in new.results] == ids
    assert [len(one.to) for one in new.results] == [3, 3, 3]
    assert new.results[0].to[0].association_types[0].label == "Primary"
    assert len(old.results[0].to) == 6  # a line for each type


def test_properties_are_listed_and_made(empty, client):
    api = client(empty).crm.properties.core_api
    made = api.create(
        "contacts",
        properties.PropertyCreate(
            name="member_id",
            label="Member",
            type="string",
            field_type="text",
            group_name="contactinformation",
            has_unique_value=True,
        ),
    )

    names = {p.name: p for p in api.get_all("contacts").results}

    assert made.has_unique_value
    assert names["member_id"].type == "string"
    assert names["hubspotscore"].modification_metadata.read_only_value


def test_owners_pipelines_schemas_forms_and_lists_are_read(company, client):
    api = client(company)

    people = api.crm.owners.get_all()
    gone = api.crm.owners.owners_api.get_page(archived=True).results
    stages = api.crm.pipelines.pipelines_api.get_all("deals").results[0].stages
    schema = api.crm.schemas.core_api.get_all().results[0]
    forms = api.marketing.forms.forms_api.get_page().results
    lists = api.crm.lists.lists_api.do_search(
        ListSearchRequest(additional_properties=[])
    )

    assert [p.first_name for p in people] == ["Ines", "Tomasz", "Freya"]
    assert [(p.first_name, p.user_id) for p in gone] == [("Marek", None)]
    assert isinstance(people[0], owners.PublicOwner)
    assert stages[-1].id == "closedlost"
    assert schema.fully_qualified_name == "p12345678_site"
    assert len(forms) == 2
    assert (lists.total, lists.has_more) == (4, False)


def test_custom_objects_are_listed_by_any_of_their_names(company, client):
    api = client(company).crm.objects.basic_api

    pages = [
        api.get_page(name, limit=2, properties=["site_name"])
        for name in ("2-1001", "p_site", "p12345678_site", "sites")
    ]

    assert len({page.results[0].properties["site_name"] for page in pages}) == 1


def test_errors_are_the_clients_own(company, client):
    company.api.let_in("reads-contacts", ["crm.objects.contacts.read"])
    narrow = client(company, "reads-contacts").crm

    with pytest.raises(ObjectsApiException) as unknown:
        client(company).crm.objects.basic_api.get_page("butterflies")
    with pytest.raises(ObjectsApiException) as nobody:
        client(company, "nobody").crm.objects.basic_api.get_page("contacts")
    with pytest.raises(SchemasApiException) as forbidden:
        narrow.schemas.core_api.get_all()

    assert (unknown.value.status, nobody.value.status) == (400, 401)
    assert forbidden.value.status == 403
    assert narrow.contacts.basic_api.get_page(limit=1).results


def test_an_access_token_is_refreshed(company, client):
    api = client(company).oauth.tokens_api
    given = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }

    fresh = api.create(**given, refresh_token=REFRESH_TOKEN)
    with pytest.raises(OauthApiException) as refused:
        api.create(**given, refresh_token="another")  # noqa: S106

    assert fresh.expires_in == 1800
    found = client(company, fresh.access_token).crm.contacts.basic_api.get_page(limit=1)
    assert found.results
    assert "BAD_REFRESH_TOKEN" in refused.value.body
