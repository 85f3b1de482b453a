"""A simulated GitHub REST API.

Rows are kept as GitHub would keep them; what a caller sees of them is made at each
request, for the version of the API that was asked for.

Not simulated: GraphQL, search, a limit on requests at the same time, assets, forks.
Not found in any source, so chosen: the words of 410 for issues switched off and of 403
for teams, `before` cursors, that a `created` of runs which cannot be read is ignored,
and that a spent hour refuses conditional requests too.
"""
