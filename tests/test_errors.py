"""Messages: one line of bounded length, whatever they quote."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest

import ssdb.errors
from ssdb.errors import InputError, ServiceError, SsdbError, quoted, shown

KINDS = [kind for _, kind in inspect.getmembers(ssdb.errors, inspect.isclass) if issubclass(kind, SsdbError)]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_a_message_is_one_line_without_control_characters(kind: type[SsdbError]) -> None:
    message = str(kind("a.csv: first \r\n\n  second\x1b[31m\x00\u2028 é ☄ \udce9\n"))
    assert message == r"a.csv: first second\x1b[31m\x00\u2028 é ☄ \udce9"
    assert message.isprintable()


def test_what_is_printable_stays_as_it_is() -> None:
    assert str(InputError("two  blanks,  é ☄")) == "two  blanks,  é ☄"


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    message = str(InputError("a.csv: " + "x y " * 10**6 + ": do this"))
    assert message.startswith("a.csv: x y x")
    assert message.endswith("x y : do this")
    assert len(message) < 2100


def test_an_error_comes_back_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(ServiceError("no", status=500)))
    assert (str(error), error.status) == ("no", 500)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2015 MQ204", "'2015 MQ204'"),
        (1.5, "1.5"),
        (True, "True"),
        (2**63, "9223372036854775808"),
        ("9" * 5000, f"'{'9' * 37}...{'9' * 38}'"),
        (["a", {"b": 2}], "['a', {'b': 2}]"),
        (list(range(1000)), "[0, 1, 2, 3, 4, 5, ...]"),
    ],
)
def test_a_value_is_quoted_as_python_writes_it(value: object, text: str) -> None:
    assert quoted(value) == text


def test_values_that_are_large_deep_or_circular_are_quoted_in_part() -> None:
    circular: list[object] = []
    circular.append(circular)
    doubled: list[object] = [1]
    for _ in range(100):  # 2^100 elements, if it were written out
        doubled = [doubled, doubled]
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (10**100_000, [10**100_000], {10**100_000: 1}, circular, doubled, deep, b"\xff" * 10**6):
        assert len(quoted(value)) < 1500


def test_long_values_and_long_lists_are_shortened() -> None:
    assert shown(["a", "9" * 5000]) == f"a, {'9' * 80}... (5,000 characters)"
    assert shown([10**5000, np.int64(3)]) == "<an integer of 16,610 bits>, 3"
    assert shown([3, 17, 21], n=243) == "3, 17, 21 and 240 more"
    many = shown((f"column_{i}_{'x' * 40}" for i in range(1000)), 40)
    assert len(many) < 800
    assert many.startswith("column_0_xxx")
    assert many.endswith(f" and {1000 - many.count('column_'):,} more")
