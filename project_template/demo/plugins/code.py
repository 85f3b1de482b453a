"""The tap `code`: the built-in one for GitHub, and a GitHub for it to ask.

This process plays GitHub's API for as long as the tap runs, as billing.py does with
Stripe's. In a project of your own:

    [taps.code]
    plugin = "github"
    [taps.code.config]
    token = "${env:GITHUB_TOKEN}"
    repositories = ["your-company/*"]
"""

from datetime import datetime
from functools import cached_property

from elt.taps.github.tap import GithubTap
from elt.taps.github.tokens import Tokens
from elt.testing.apis.playing import Playing


class CodeTap(GithubTap):
    name = "tap-code"
    github = Playing("github")

    @cached_property
    def tokens(self) -> Tokens:
        self._config["base_url"] = self.github.origin
        return super().tokens

    def now(self) -> datetime:
        return self.github.now()
