"""The shared request sets, which nobody here wrote: floors under which understanding must not fall."""

from __future__ import annotations

import pytest

from tests.bench.text_eval import DATA, judge, shared_sets, summary

pytestmark = pytest.mark.skipif(not (DATA / "home_requests").is_dir(), reason=f"no shared data at {DATA}")


@pytest.mark.parametrize(
    ("name", "exact", "wrong", "false_action"),
    [
        ("requests", 0.96, 0.015, 0.0),
        ("homellm_style", 0.96, 0.015, 0.0),
        ("hwu_requests", 0.80, 0.06, 0.0),  # several labels contradict the fixture house ("my desk lamp")
        ("hwu_must_not_act", 0.998, 0.0, 0.002),
        ("ha_intents_en", 0.80, 0.03, 0.0),
    ],
)
def test_a_shared_set_is_understood_well_enough(
    name: str, exact: float, wrong: float, false_action: float
) -> None:
    figures = summary(list(judge(shared_sets()[name])))
    assert figures["exact"] >= exact
    assert figures["wrong"] <= wrong
    assert figures["false_action"] <= false_action
