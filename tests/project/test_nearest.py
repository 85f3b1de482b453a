from __future__ import annotations

from elt.project.nearest import did_you_mean


def test_the_nearest_of_many_names_is_asked_about():
    names = [f"stream_{n}" for n in range(72)] + ["orders"]

    assert did_you_mean("ordres", names) == "Did you mean `orders`?"


def test_of_many_names_ten_are_listed_and_the_rest_counted():
    names = [f"t{n:02}" for n in range(73)]

    told = did_you_mean("something else", names)

    assert told is not None
    assert told.startswith("There is `t00`, `t01`")
    assert told.endswith("`t09` and 63 more")


def test_a_few_names_are_listed_whole():
    assert did_you_mean("x", ["orders", "people"]) == "There is `orders`, `people`"
    assert did_you_mean("x", []) is None
