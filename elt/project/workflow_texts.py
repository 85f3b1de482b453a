"""The texts of the workflows that `elt ci init` writes."""

from __future__ import annotations

GITHUB = """\
# Written by `elt ci init github`; yours to change.
name: {name}

on:
  schedule:
    # In UTC. GitHub starts schedules late when it is busy, at full hours most of all,
    # and switches them off after 60 days without a commit.
    - cron: "17 5 * * *"
  workflow_dispatch:
    inputs:
      arguments:
        description: "More for `elt run`, as `tap:crm+ --full-refresh`, or `--first`"
        default: ""

permissions:
  contents: read

# Never two runs side by side: a second one waits, and none is stopped half-way.
concurrency:
  group: {name}
  cancel-in-progress: false

jobs:
  run:
    runs-on: ubuntu-latest
    timeout-minutes: 120
    defaults:
      run:
        working-directory: {folder}
    env:
{secrets}
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      # pip takes elt from the index that it knows. Where it is on none yet, let pip
      # have it from its repository, or from a wheel that you commit, as one of
      #   elt-toolkit[...] @ git+https://HOST/REPOSITORY@COMMIT
      #   ./wheels/elt_toolkit-VERSION-py3-none-any.whl[...]
      - name: Install
        run: |
{install}
{files}{fetch}      - name: elt run
        # `exec`: the signal of a cancelled workflow reaches elt, not only the shell.
        run: exec {run} $ARGUMENTS > elt-result.json
{keep}      - name: Keep the result
        if: always()
        uses: actions/upload-artifact@v4
        with:
          name: elt-result
          path: |
{left}
"""
GITHUB_FILE = """\
      - name: {title}
        env:
          CONTENT: ${{{{ secrets.{name} }}}}
        run: |
          umask 077
          mkdir -p {folder}
          printf '%s\\n' "$CONTENT" > {path}
"""
GITLAB = """\
# Written by `elt ci init gitlab`; yours to change. It needs:
#
#   a schedule, under Build > Pipeline schedules
#   variables, masked and protected, under Settings > CI/CD > Variables:
{secrets}#
elt:
  image: python:3.12-slim
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
    - if: $CI_PIPELINE_SOURCE == "web"
  # Never two runs side by side: a second one waits for the first.
  resource_group: {name}
  timeout: 2h
  variables:
    ARGUMENTS: ""  # of a run by hand: `tap:crm+ --full-refresh`, or `--first`
{cache}  # pip takes elt from the index that it knows. Where it is on none yet, let pip
  # have it from its repository, or from a wheel that you commit, as one of
  #   elt-toolkit[...] @ git+https://HOST/REPOSITORY@COMMIT
  #   ./wheels/elt_toolkit-VERSION-py3-none-any.whl[...]
  before_script:
{prepare}
  script:
{script}
{after}  artifacts:
    when: always
    expire_in: 30 days
    paths:
      - {result}
    reports:
      junit: {junit}
"""
GITHUB_FETCH_CACHE = """\
      # The warehouse holds rows, bookmarks and what syncs have sent, and goes from run
      # to run in a cache. GitHub deletes a cache that was not used for 7 days, or when
      # the repository's caches grow beyond their limit. What is lost then: the next run
      # reads every source from its start, history that a source no longer has is gone,
      # and syncs stop (exit code 3) until a run is started with `--first`. Whoever can
      # run a workflow on a pull request here can read the cache. If that is not good
      # enough, write this file again with `--storage s3://bucket/folder`, or run elt
      # where the file stays, on a machine of your own.
      - name: Fetch the warehouse
        uses: actions/cache/restore@v4
        with:
          path: |
{kept}
          key: {name}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: {name}-
"""
GITHUB_KEEP_CACHE = """\
      - name: Keep the warehouse
        # After a failure too: what was committed is not read again.
        if: always()
        uses: actions/cache/save@v4
        with:
          path: |
{kept}
          key: {name}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
"""
GITHUB_PULL = """\
      # The warehouse holds rows, bookmarks and what syncs have sent. It lies in object
      # storage, and no two runners can overwrite each other's there.
      - name: Fetch the warehouse
        id: pull
{secrets}        run: {run}
"""
GITHUB_PUSH = """\
      - name: Push the warehouse
        # After a failure too: what was committed is not read again. Exit code 3 is of
        # somebody who has pushed meanwhile; nothing of theirs is overwritten.
        if: always() && steps.pull.outcome == 'success'
{secrets}        run: {run}
"""
GITLAB_CACHE = """\
  # The warehouse holds rows, bookmarks and what syncs have sent, and goes from run to
  # run in a cache. A cache is no promise: runners that share none, or somebody who
  # clears it, lose it. The next run then reads every source from its start, history
  # that a source no longer has is gone, and syncs stop (exit code 3) until a run is
  # started with `--first`. If that is not good enough, write this file again with
  # `--storage s3://bucket/folder`, or run elt where the file stays, on a machine of
  # your own.
  cache:
    key: {name}
    when: always
    paths:
{kept}
"""
GITLAB_STORAGE = """\
  # The warehouse holds rows, bookmarks and what syncs have sent. It lies in object
  # storage, and no two runners can overwrite each other's there: `elt push` ends with 3
  # when somebody else has pushed meanwhile.
"""
GITLAB_AFTER = """\
  # What a cancelled run has finished is pushed too; GitLab does so from 17.0 on.
  after_script:
{lines}
"""
