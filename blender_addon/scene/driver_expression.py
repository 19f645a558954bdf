# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripted drivers of one variable as functions of numpy arrays, without running anything. Must not import bpy.

Arithmetic, comparisons, `a if b else c` and the usual mathematics; anything else is an error, so that a stranger's
file cannot have its way.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

LONGEST = 500
"""Characters of an expression that is looked at."""
_BINARY: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_UNARY: Mapping[type, Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: np.logical_not,
}
_CALLS: Mapping[str, Callable[..., Any]] = {
    "abs": np.abs, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sqrt": np.sqrt, "pow": np.power,
    "radians": np.radians, "degrees": np.degrees, "float": np.asarray, "exp": np.exp,
    "clamp": lambda value, low=0.0, high=1.0: np.clip(value, low, high),
    "lerp": lambda a, b, part: a + (b - a) * part,
    "min": lambda *some: np.minimum.reduce(np.broadcast_arrays(*some)),
    "max": lambda *some: np.maximum.reduce(np.broadcast_arrays(*some)),
}  # fmt: skip
_CONSTANTS = {"pi": np.pi, "e": np.e, "True": 1.0, "False": 0.0}


class NotSimpleError(ValueError):
    """An expression that is not understood here."""


def evaluate(expression: str, variable: str, values: Doubles) -> Doubles:
    """Return what an expression of one variable gives for its values [N].

    Raises:
        NotSimpleError: other names, calls or syntax, or results that are not numbers.
    """
    tree = _parsed(expression)
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(_value(tree, {**_CONSTANTS, variable: values}), np.float64)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise NotSimpleError(f"{expression!r} is not understood") from error
    result = np.broadcast_to(result, values.shape)
    if not np.isfinite(result).all():
        raise NotSimpleError(f"{expression!r} is not a number everywhere")
    return result


@lru_cache(maxsize=512)
def _parsed(expression: str) -> ast.expr:
    if len(expression) > LONGEST:
        raise NotSimpleError(f"an expression of {len(expression)} characters is not looked at")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotSimpleError(f"{expression!r} is not an expression") from error


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:  # noqa: ANN401, PLR0911  one case a kind of node
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.UnaryOp(op=op, operand=inner) if type(op) in _UNARY:
            return _UNARY[type(op)](_value(inner, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.IfExp(test=test, body=body, orelse=other):
            return np.where(_value(test, names), _value(body, names), _value(other, names))
        case ast.Call(func=called, args=arguments, keywords=[]) if (word := _called(called)) in _CALLS:
            return _CALLS[word](*(_value(one, names) for one in arguments))
        case _:
            raise NotSimpleError(f"{ast.unparse(node)!r} is not understood")


def _called(function: ast.expr) -> str:
    """Return the name that is called: `min`, or of the module math."""
    match function:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="math"), attr=name):
            return name
        case _:
            return ""
