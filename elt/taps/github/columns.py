"""The columns that streams of GitHub declare; what comes beside them becomes one too.

Names and types are those of GitHub's OpenAPI description, version 2022-11-28.
"""

from __future__ import annotations

from typing import Any

from elt.taps.rest.columns import columns

IN_REPOSITORY = "repository: text repository_id: whole!"


def in_repository(text: str) -> dict[str, Any]:
    return columns(f"{IN_REPOSITORY} {text}")


REPOSITORIES = columns(
    "id: whole! node_id: text name: text full_name: text owner: table private: flag"
    " visibility: text description: text fork: flag archived: flag disabled: flag"
    " is_template: flag homepage: text language: text topics: list license: table"
    " default_branch: text html_url: text size: whole stargazers_count: whole"
    " watchers_count: whole forks_count: whole open_issues_count: whole"
    " has_issues: flag has_projects: flag has_wiki: flag has_pages: flag"
    " has_discussions: flag permissions: table created_at: moment updated_at: moment"
    " pushed_at: moment"
)
ISSUES = in_repository(
    "id: whole! node_id: text number: whole title: text body: text state: text"
    " state_reason: text locked: flag user: table assignee: table assignees: list"
    " labels: list milestone: table comments: whole author_association: text"
    " pull_request: table reactions: table type: table html_url: text"
    " created_at: moment updated_at: moment closed_at: moment closed_by: table"
)
ISSUE_COMMENTS = in_repository(
    "id: whole! node_id: text body: text user: table author_association: text"
    " issue_url: text html_url: text reactions: table created_at: moment"
    " updated_at: moment"
)
REVIEW_COMMENTS = in_repository(
    "id: whole! node_id: text pull_request_review_id: whole body: text user: table"
    " author_association: text path: text diff_hunk: text commit_id: text"
    " original_commit_id: text line: whole original_line: whole side: text"
    " start_line: whole position: whole in_reply_to_id: whole pull_request_url: text"
    " html_url: text reactions: table created_at: moment updated_at: moment"
)
PULL_REQUESTS = in_repository(
    "id: whole! node_id: text number: whole title: text body: text state: text"
    " draft: flag locked: flag user: table assignee: table assignees: list"
    " requested_reviewers: list requested_teams: list labels: list milestone: table"
    " head: table base: table auto_merge: table merge_commit_sha: text"
    " author_association: text html_url: text created_at: moment updated_at: moment"
    " closed_at: moment merged_at: moment"
)
REVIEWS = in_repository(
    "id: whole! pull_request_number: whole pull_request_updated_at: moment"
    " node_id: text user: table body: text state: text author_association: text"
    " commit_id: text pull_request_url: text html_url: text submitted_at: moment"
)
COMMITS = in_repository(
    "sha: text! committed_at: moment node_id: text commit: table author: table"
    " committer: table parents: list html_url: text"
)
RELEASES = in_repository(
    "id: whole! read_at: moment node_id: text tag_name: text target_commitish: text"
    " name: text body: text draft: flag prerelease: flag author: table assets: list"
    " html_url: text created_at: moment updated_at: moment published_at: moment"
)
MILESTONES = in_repository(
    "id: whole! read_at: moment node_id: text number: whole title: text"
    " description: text state: text creator: table open_issues: whole"
    " closed_issues: whole html_url: text created_at: moment updated_at: moment"
    " closed_at: moment due_on: moment"
)
LABELS = in_repository(
    "id: whole! read_at: moment node_id: text name: text color: text default: flag"
    " description: text"
)
BRANCHES = in_repository("name: text! read_at: moment commit: table protected: flag")
TAGS = in_repository(
    "name: text! read_at: moment commit: table node_id: text zipball_url: text"
    " tarball_url: text"
)
COLLABORATORS = in_repository(
    "id: whole! read_at: moment login: text type: text permissions: table"
    " role_name: text site_admin: flag html_url: text"
)
EVENTS = in_repository(
    "id: text! type: text actor: table repo: table org: table payload: table"
    " public: flag created_at: moment"
)
TRAFFIC = in_repository("timestamp: moment! count: whole uniques: whole")
STARGAZERS = in_repository("user_id: whole! starred_at: moment user: table")
WORKFLOW_RUNS = in_repository(
    "id: whole! node_id: text name: text display_title: text event: text status: text"
    " conclusion: text workflow_id: whole path: text run_number: whole"
    " run_attempt: whole head_branch: text head_sha: text head_commit: table"
    " pull_requests: list actor: table triggering_actor: table html_url: text"
    " created_at: moment updated_at: moment run_started_at: moment"
)
WORKFLOW_JOBS = in_repository(
    "id: whole! run_updated_at: moment run_id: whole node_id: text name: text"
    " workflow_name: text status: text conclusion: text run_attempt: whole"
    " head_branch: text head_sha: text labels: list steps: list runner_id: whole"
    " runner_name: text runner_group_name: text html_url: text created_at: moment"
    " started_at: moment completed_at: moment"
)
DEPLOYMENTS = in_repository(
    "id: whole! node_id: text sha: text ref: text task: text environment: text"
    " original_environment: text description: text creator: table"
    " transient_environment: flag production_environment: flag created_at: moment"
    " updated_at: moment"
)
DEPLOYMENT_STATUSES = in_repository(
    "id: whole! deployment_id: whole deployment_updated_at: moment node_id: text"
    " state: text creator: table description: text environment: text"
    " environment_url: text log_url: text target_url: text created_at: moment"
    " updated_at: moment"
)
MEMBERS = columns(
    "organization: text! id: whole! node_id: text login: text type: text"
    " site_admin: flag html_url: text avatar_url: text"
)
TEAMS = columns(
    "organization: text id: whole! node_id: text name: text slug: text"
    " description: text privacy: text permission: text parent: table html_url: text"
)
TEAM_MEMBERS = columns(
    "organization: text team_id: whole! team_slug: text id: whole! node_id: text"
    " login: text type: text site_admin: flag html_url: text"
)
