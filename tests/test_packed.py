"""Packed designations of many objects at once are what they are one by one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.errors import DesignationError
from ssdb.identity.designation import pack, ss_object_id
from ssdb.identity.packed_arrays import read_plain, unpack

PUBLISHED = {
    "03202": "3202",
    "50000": "50000",
    "A0345": "100345",
    "a0017": "360017",
    "K3289": "203289",
    "~0000": "620000",
    "~000z": "620061",
    "~AZaz": "3140113",
    "~zzzz": "15396335",
    "J95X00A": "1995 XA",
    "J95X01L": "1995 XL1",
    "J95F13B": "1995 FB13",
    "J98SA8Q": "1998 SQ108",
    "J98SC7V": "1998 SV127",
    "J98SG2S": "1998 SS162",
    "K99AJ3Z": "2099 AZ193",
    "K08Aa0A": "2008 AA360",
    "K07Tf8A": "2007 TA418",
    "PLS2040": "2040 P-L",
    "T3S4101": "4101 T-3",
    "I98D00Q": "A898 DQ",
}
"""Examples of https://www.minorplanetcenter.net/iau/info/PackedDes.html, and Eros."""


def test_published_examples() -> None:
    designations, ids = unpack(pa.array(list(PUBLISHED)))
    assert designations.to_pylist() == list(PUBLISHED.values())
    assert ids.tolist() == [int.from_bytes(packed.encode(), "big") for packed in PUBLISHED]


def test_what_is_no_packed_designation_is_null_and_zero() -> None:
    texts = [None, "", "433", "2015 MQ204", "K15MK4", "K15IK4Q", "K15MK4I", "00000", "~000", "K15MK4Q0", "Kx5MK4Q", "é"]
    designations, ids = unpack(pa.array(texts, pa.string()))
    assert designations.to_pylist() == [None] * len(texts)
    assert ids.tolist() == [0] * len(texts)


def test_nothing_at_all() -> None:
    designations, ids = unpack(pa.array([], pa.string()))
    assert (len(designations), len(ids)) == (0, 0)


CHARACTERS = "0129AHIJKLZabz~_ "


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.from_regex(r"[JK]\d\d[A-Z][0-9A-Za-z]\d[A-Z]", fullmatch=True),
            st.from_regex(r"[0-9A-Za-z~][0-9A-Za-z]{4}", fullmatch=True),
            st.text(CHARACTERS, max_size=9),
        ),
        max_size=20,
    )
)
def test_arrays_agree_with_the_library_one_by_one(texts: list[str]) -> None:
    designations, ids = unpack(pa.array(texts, pa.string()))
    for text, designation, object_id in zip(texts, designations.to_pylist(), ids.tolist(), strict=True):
        try:
            packed, unpacked = pack(text)
        except DesignationError:
            packed, unpacked = "", ""
        if packed == text and packed:
            assert (designation, object_id) == (unpacked, ss_object_id(text))
        else:
            assert (designation, object_id) == (None, 0)


@pytest.mark.parametrize("year", ["J24", "J25", "J26", "I99"])
def test_years_round_1925_are_written_as_pack_writes_them(year: str) -> None:
    packed = f"{year}A00B"
    assert unpack(pa.array([packed]))[0].to_pylist() == [pack(packed)[1]]


PLAIN = {
    "433": "00433",
    "(433)": "00433",
    "100345": "A0345",
    "(15396335)": "~zzzz",
    "1930 AA": "J30A00A",
    "2015 MQ204": "K15MK4Q",
    "2007 TA418": "K07Tf8A",
    "2099 YZ619": "K99Yz9Z",
}


def test_plain_forms_are_read_as_arrays() -> None:
    designations, ids = read_plain(pa.array(PLAIN))
    assert designations.to_pylist() == [text.strip("()") for text in PLAIN]
    assert ids.tolist() == [ss_object_id(packed) for packed in PLAIN.values()]


def test_what_is_not_plain_is_left_to_others() -> None:
    texts = [
        None,
        "",
        "()",
        "(",
        "0433",
        "(0433)",
        "(433",
        "433)",
        " 433",
        "433 Eros",
        "15396336",
        "1929 AA",
        "2100 AA",
    ]
    texts += [
        "2015 MQ0",
        "2015 MQ04",
        "2015 MQ620",
        "2015 IQ",
        "2015 ZQ",
        "2015 MI",
        "2015_MQ",
        "2015MQ204",
        "2015 MQ ",
    ]
    texts += ["433\0", "2015 MQ\0", "2015 M\u00e9", "2040 P-L", "73P", "2I", "(2015 MQ)", "12345678901"]
    designations, ids = read_plain(pa.array(texts, pa.string()))
    assert designations.to_pylist() == [None] * len(texts)
    assert not ids.any()


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.from_regex(r"(19|20)\d\d [A-Z]{2}([1-9]\d{0,2})?", fullmatch=True),
            st.from_regex(r"\(?\d{1,9}\)?", fullmatch=True),
            st.text(CHARACTERS + "()", max_size=11),
        ),
        max_size=20,
    )
)
def test_plain_forms_are_those_that_one_by_one_gives(texts: list[str]) -> None:
    designations, ids = read_plain(pa.array(texts, pa.string()))
    for text, designation, object_id in zip(texts, designations.to_pylist(), ids.tolist(), strict=True):
        if object_id:
            packed, unpacked = pack(text)
            assert (designation, object_id) == (unpacked, ss_object_id(packed))
