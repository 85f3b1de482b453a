"""The keys of objects, against GitHub's OpenAPI description (2022-11-28).

Those that it says are always there, without the many that end in `_url`. The two
descriptions were compared whole, with githubkit's models; it is no dependency of ours.
"""

from __future__ import annotations

import pytest

ROSTER = "/repos/kettle-and-crew/roster"
REQUIRED = {
    f"{ROSTER}/issues": """assignee closed_at comments created_at id labels locked
        milestone node_id number state title updated_at url user""",
    f"{ROSTER}/issues/comments": "created_at id node_id updated_at url user",
    f"{ROSTER}/pulls": """_links assignee author_association auto_merge base body
        closed_at created_at head id labels locked merge_commit_sha merged_at milestone
        node_id number state title updated_at url user""",
    f"{ROSTER}/pulls/comments": """_links author_association body commit_id created_at
        diff_hunk id node_id original_commit_id path pull_request_review_id updated_at
        url user""",
    f"{ROSTER}/commits": "author commit committer node_id parents sha url",
    f"{ROSTER}/releases": """assets author created_at draft id name node_id prerelease
        published_at tag_name target_commitish url""",
    f"{ROSTER}/milestones": """closed_at closed_issues created_at creator description
        due_on id node_id number open_issues title updated_at url""",
    f"{ROSTER}/labels": """archived_at archived_by color default description id name
        node_id url""",
    f"{ROSTER}/branches": "commit name protected",
    f"{ROSTER}/tags": "commit name node_id",
    f"{ROSTER}/stargazers": "gravatar_id id login node_id site_admin type url",
    f"{ROSTER}/actions/runs": """conclusion created_at display_title event head_branch
        head_commit head_repository head_sha id node_id path pull_requests repository
        run_number status updated_at url workflow_id""",
    f"{ROSTER}/deployments": """created_at creator description environment id node_id
        payload ref sha task updated_at url""",
    f"{ROSTER}/events": "actor created_at id payload public repo type",
    "/orgs/kettle-and-crew/teams": """description id name node_id parent permission
        slug type url""",
    "/orgs/kettle-and-crew/repos": """description fork full_name id name node_id owner
        private url""",
    "/orgs/kettle-and-crew/members": "id login node_id site_admin type url",
}
BELOW = {
    ("pulls", "reviews"): """_links author_association body commit_id id node_id state
        user""",
    ("deployments", "statuses"): "created_at creator id node_id state updated_at url",
    ("actions/runs", "jobs"): """completed_at conclusion created_at head_branch head_sha
        id labels name node_id run_id runner_group_id runner_group_name runner_id
        runner_name started_at status url workflow_name""",
}


def rows_of(answer):
    found = answer.json()
    if isinstance(found, dict):
        return next(value for value in found.values() if isinstance(value, list))
    return found


@pytest.mark.parametrize("path", REQUIRED)
def test_every_object_of_a_list_has_the_keys_of_the_description(github, path):
    rows = rows_of(github.get(path, params={"per_page": 100}))

    assert rows
    for row in rows:
        assert set(REQUIRED[path].split()) <= set(row)


@pytest.mark.parametrize(("above", "below"), BELOW)
def test_every_object_below_another_has_the_keys_of_the_description(
    github, above, below
):
    params = {"state": "closed", "per_page": 20}
    parents = rows_of(github.get(f"{ROSTER}/{above}", params=params))

    rows = []
    for parent in parents:
        number = parent.get("number") or parent["id"]
        rows += rows_of(github.get(f"{ROSTER}/{above}/{number}/{below}"))

    assert rows
    for row in rows:
        assert set(BELOW[above, below].split()) <= set(row)


def test_times_are_in_utc_and_whole_seconds(github):
    rows = github.get(f"{ROSTER}/issues", params={"state": "all"}).json()

    assert all(len(row["updated_at"]) == len("2025-06-01T12:00:00Z") for row in rows)
    assert all(row["created_at"] <= row["updated_at"] for row in rows)
    assert all((row["closed_at"] is None) == (row["state"] == "open") for row in rows)
