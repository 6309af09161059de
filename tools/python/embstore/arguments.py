# SPDX-License-Identifier: Apache-2.0
"""Refusing numbers that the engine has no place for, with the name of the argument."""

from __future__ import annotations

import decimal
import operator
from typing import Any, Optional

from .errors import InvalidArgument

_UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1
_LONGEST_WAIT = 3600


def whole_number(name: str, value: Any, least: int = 0,
                 most: int = _UINT32_MAX) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidArgument(f"{name} is a whole number, not {value!r}") from None
    if not least <= number <= most:
        raise InvalidArgument(f"{name} is a whole number from {least} to {most}, not {number}")
    return number


def wait_seconds(name: str, value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise InvalidArgument(f"{name} is from 0 to {_LONGEST_WAIT} seconds, not {value!r}")
    return seconds


def usd(name: str, amount: Optional[Any]) -> Optional[str]:
    """Digits without an exponent, as the engine reads money."""
    if amount is None:
        return None
    try:
        number = decimal.Decimal(str(amount))
    except decimal.InvalidOperation:
        number = decimal.Decimal(-1)
    if not number.is_finite() or number < 0:
        raise InvalidArgument(f"{name} is an amount in USD such as 1.50, not {amount!r}")
    return format(number, "f")
