"""What every destination has to keep to, as checks that a plugin's tests can run.

    import pytest
    from elt.testing.destination_rules import RULES, example_route

    @pytest.mark.parametrize("rule", RULES)
    def test_my_destination_keeps_the_rule(rule, tmp_path):
        rule(MyDestination({...}, tmp_path), example_route())

A rule raises BrokenRule. Each wants a new destination, whose place may be written to
and holds no rows yet. A third argument, a FarSide, lets the rules look at the rows over
there and make trouble; a rule that needs more than it is given asks for nothing. See
docs/guides/write-a-destination.md.
"""

from __future__ import annotations

from elt.testing.destination_rules import answers, modes, troubles
from elt.testing.destination_rules.example import (
    REFUSED,
    BrokenRule,
    FarSide,
    Rule,
    Trouble,
    example_route,
)

RULES: tuple[Rule, ...] = (*answers.RULES, *modes.RULES, *troubles.RULES)

__all__ = ["REFUSED", "RULES", "BrokenRule", "FarSide", "Trouble", "example_route"]
