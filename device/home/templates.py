"""Home Assistant's value and command templates, as far as MQTT discovery uses them.

A template comes from whoever may publish on the broker, so it runs in Jinja's sandbox with a short list of
filters, and without loops, assignments, macros and text arithmetic: time and memory then stay in proportion
to template and payload, both of which are bounded here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from jinja2 import TemplateError, Undefined, nodes
from jinja2.environment import Template
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATE_CHARACTERS = 4096
RESULT_CHARACTERS = 65_536
MESSAGE_BYTES = 262_144
_REQUIRED: Any = object()

_ALLOWED_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.CondExpr,
    nodes.Name,
    nodes.Const,
    nodes.Tuple,
    nodes.List,
    nodes.Dict,
    nodes.Pair,
    nodes.Keyword,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Filter,
    nodes.Test,
    nodes.Call,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Pos,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Concat,
)
_METHODS = frozenset(
    {"get", "lower", "upper", "strip", "title", "split", "startswith", "endswith", "replace"}
)
_BUILT_IN_FILTERS = (
    "default",
    "d",
    "lower",
    "upper",
    "title",
    "trim",
    "abs",
    "length",
    "first",
    "last",
    "string",
)


class BadTemplate(ValueError):  # noqa: N818 - says what it is
    """The template cannot be used; the message says why."""


class Message:
    """A payload as templates see it: `value`, and `value_json` decoded once for all who read it."""

    def __init__(self, payload: bytes) -> None:
        self.text = payload.decode("utf-8", "replace")

    @functools.cached_property
    def json(self) -> Any:
        """The decoded JSON, or None when it is none."""
        try:
            return msgspec.json.decode(self.text)
        except (msgspec.DecodeError, RecursionError):
            return None


def render(template: str, message: Message) -> str | None:
    """What `template` makes of `message`; None when it says nothing about the value. Never raises."""
    if not template:
        return message.text.strip() or None
    variables = {"value": message.text}
    if message.json is not None:
        variables["value_json"] = message.json
    try:
        text = compiled(template).render(variables)
    except (TemplateError, BadTemplate, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None
    return text.strip()[:RESULT_CHARACTERS] or None


def render_command(template: str, value: Any, **variables: Any) -> str:
    """The payload that carries `value`. Raises BadTemplate when the template fails."""
    if not template:
        return str(value)
    try:
        return compiled(template).render(value=value, **variables)
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadTemplate(f"template {template!r} failed: {error}") from error


@functools.lru_cache(maxsize=4096)
def compiled(template: str) -> Template:
    """The template, checked and compiled. Raises BadTemplate."""
    if len(template) > TEMPLATE_CHARACTERS:
        raise BadTemplate(f"template is longer than {TEMPLATE_CHARACTERS} characters")
    try:
        tree = _environment.parse(template)
        _check(tree)
        return _environment.from_string(tree)
    except (TemplateError, RecursionError) as error:
        raise BadTemplate(f"template {template[:80]!r}: {error}") from error


def _check(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED_NODES):
            raise BadTemplate(f"template uses {type(node).__name__.lower()}, which is not supported")
        if isinstance(node, nodes.Call):
            callee = node.node
            known = isinstance(callee, nodes.Name) and callee.name in _FUNCTIONS
            if not known and not (isinstance(callee, nodes.Getattr) and callee.attr in _METHODS):
                raise BadTemplate("template calls a function that is not supported")


def _convert(kind: Callable[[Any], Any], value: Any, default: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        if default is _REQUIRED:
            raise
        return default


def _float(value: Any, default: Any = _REQUIRED) -> Any:
    return _convert(float, value, default)


def _int(value: Any, default: Any = _REQUIRED) -> Any:
    return _convert(lambda number: int(float(number)), value, default)


def _round(value: Any, precision: int = 0, method: str = "common", default: Any = _REQUIRED) -> Any:
    number = _convert(float, value, default)
    if not isinstance(number, float):
        return number
    scale = 10.0**precision
    match method:
        case "floor":
            number = number * scale // 1 / scale
        case "ceil":
            number = -(-number * scale // 1) / scale
        case "half":
            number = round(number * 2) / 2
        case _:
            number = round(number, precision)
    return int(number) if precision == 0 and method != "half" else number


def _is_defined(value: Any) -> Any:
    if isinstance(value, Undefined):
        raise ValueError("not defined")
    return value


def _iif(value: Any, true: Any = True, false: Any = False) -> Any:
    return true if value else false


def _replace(value: Any, old: str, new: str) -> str:
    text = str(value)
    if len(text) + text.count(old) * len(new) > RESULT_CHARACTERS:
        raise ValueError("the replaced text is too long")
    return text.replace(old, new)


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_FILTERS: dict[str, Callable[..., Any]] = {
    "float": _float,
    "int": _int,
    "round": _round,
    "is_defined": _is_defined,
    "iif": _iif,
    "replace": _replace,
    "to_json": _to_json,
    "tojson": _to_json,
    "from_json": msgspec.json.decode,
    "add": lambda value, amount: _float(value) + amount,
    "multiply": lambda value, amount: _float(value) * _float(amount),
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"float": _float, "int": _int, "iif": _iif, "round": _round}


class _Environment(ImmutableSandboxedEnvironment):
    """Numbers may be multiplied and taken modulo; texts may not, since that makes long ones."""

    intercepted_binops = frozenset({"*", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f"{operator} needs two numbers")
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, callee: Any, /, *args: Any, **kwargs: Any) -> Any:
        owner = getattr(callee, "__self__", None)
        if isinstance(owner, str) and callee.__name__ == "replace":
            return _replace(owner, *args)
        return super().call(context, callee, *args, **kwargs)


_environment = _Environment()
_environment.filters = {name: _environment.filters[name] for name in _BUILT_IN_FILTERS} | _FILTERS
_environment.globals = dict(_FUNCTIONS)
