"""Templates of others: what devices really use works, and nothing they can write does harm."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.home.templates import BadTemplate, Message, compiled, render, render_command


@pytest.mark.parametrize(
    ("template", "payload", "text"),
    [
        ("", "ON ", "ON"),
        ("{{ value }}", " 12 ", "12"),
        ("{{ value_json.x }}", '{"x": 3.5}', "3.5"),
        ("{{ value_json['x'] }}", '{"x": true}', "True"),
        ("{{ value_json.a.b }}", '{"a": {"b": null}}', "None"),
        ("{{ value_json[0] }}", "[7]", "7"),
        ("{{ value | float | round(1) }}", "21.26", "21.3"),
        ("{{ value | round }}", "21.6", "22"),
        ("{{ value | round(0, 'floor') }}", "21.6", "21"),
        ("{{ value | int }}", "21.6", "21"),
        ("{{ value | float(0) }}", "unknown", "0"),
        ("{{ value_json.x | default('n') }}", "{}", "n"),
        ("{{ value_json.x | is_defined }}", '{"x": 1}', "1"),
        ("{{ 'on' if value_json.contact else 'off' }}", '{"contact": false}', "off"),
        ("{{ value_json.contact | iif('open', 'closed') }}", '{"contact": true}', "open"),
        ("{% if value == '1' %}ON{% else %}OFF{% endif %}", "1", "ON"),
        ("{{ value.replace(',', '.') | float }}", "21,5", "21.5"),
        ("{{ (value | float - 32) / 1.8 }}", "50", "10.0"),
        ("{{ value_json.state | lower }}", '{"state": "ON"}', "on"),
    ],
)
def test_templates_in_real_use_work(template: str, payload: str, text: str) -> None:
    assert render(template, Message(payload.encode())) == text


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ("{{ value_json.x }}", "{}"),
        ("{{ value_json.x }}", "not json"),
        ("{{ value_json.x.y }}", '{"x": 1}'),
        ("{{ value_json.x | is_defined }}", "{}"),
        ("{{ value | float }}", "unknown"),
        ("{{ 1 / (value | int) }}", "0"),
        ("{{ value.__class__ }}", "1"),
    ],
)
def test_a_template_that_finds_nothing_says_nothing(template: str, payload: str) -> None:
    assert render(template, Message(payload.encode())) is None


@pytest.mark.parametrize(
    "template",
    [
        "{{ value",
        "{% for i in range(10) %}x{% endfor %}",
        "{% set a = value ~ value %}{{ a }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ value | center(1000000000) }}",
        "{{ cycler() }}",
        "{{ value.join(value) }}",
        "{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}",
        "x" * 5000,
    ],
)
def test_templates_that_could_take_for_ever_are_refused(template: str) -> None:
    with pytest.raises(BadTemplate):
        compiled(template)


@pytest.mark.parametrize(
    "template", ["{{ value * 100000000 }}", "{{ '%999999999d' % 3 }}", "{{ value | replace('', value) }}"]
)
def test_text_cannot_be_blown_up(template: str) -> None:
    began = time.monotonic()
    assert render(template, Message(b"x" * 50_000)) is None
    assert time.monotonic() - began < 0.5


pieces = st.sampled_from(
    [
        "value",
        "value_json",
        ".x",
        "['x']",
        "|round",
        "|float",
        "|int(0)",
        "~",
        "+",
        "*",
        "%",
        "(",
        ")",
        "1",
        "'a'",
    ]
)


@settings(max_examples=100)
@given(
    expression=st.lists(pieces, max_size=8).map(" ".join),
    payload=st.sampled_from([b"3", b'{"x": [1]}', b"\xff"]),
)
def test_no_expression_raises_anything_but_bad_template(expression: str, payload: bytes) -> None:
    try:
        compiled("{{ " + expression + " }}")
    except BadTemplate:
        return
    render("{{ " + expression + " }}", Message(payload))


def test_a_command_template_carries_the_value() -> None:
    assert render_command('{"t": {{ value }}}', 21.5) == '{"t": 21.5}'
    assert render_command("", 21.5) == "21.5"
    with pytest.raises(BadTemplate):
        render_command("{{ value | float }}", "warm")
