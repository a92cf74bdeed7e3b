"""Observations of 80 columns as they are found: without a station, cut by editors, of comets, with star catalogues."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingesting import dump
from test_cli import failed, run
from test_ingest_observations import line, write

from ssdb import connect, ingest_observations
from ssdb.errors import InputError

WITHOUT = [
    line("00433", "C", "2024 12 27.238073", "08 56 40.968", "+27 20 08.99", "17.1 ", "V", "   "),
    line("     abc123", "C", "2024 12 28.1", "00 00 00.00", "-89 59 59.9", stn="   "),
    line("00433", "S", "2024 12 30.25000", "01 02 03.4", "+01 02 03", stn="   "),
    "00433         s2024 12 30.25000 1 - 5000.1234 + 4000.5678 - 1234.5678           ",
]
"""Three observations without a station, one of them from space."""


@pytest.mark.parametrize("end", [str, str.rstrip], ids=["blanks", "cut"])
def test_lines_without_a_station_are_of_the_one_that_is_said(end: type[str], tmp_path: Path) -> None:
    path = write(tmp_path / "obs.txt", [end(text) for text in WITHOUT])
    with connect() as database:
        with pytest.raises(
            InputError, match=r"stn is missing: say the observatory code, station=\.\.\. \(rows 1, 2, 3\)$"
        ):
            ingest_observations(database, path)
        assert dump(database)["DiaSource"] == []
        assert ingest_observations(database, path, station="568").new == 3
        assert {row["observatoryCode"] for row in dump(database)["Visit"]} == {"568"}
        assert {row["pos2"] for row in dump(database)["Visit"]} == {None, 4000.5678}
        # Some have one: these are of others.
        write(path, [*WITHOUT[:1], line("00433", "C", "2024 12 29.1", "08 56 40.968", "+27 20 08.99", stn="675")])
        assert ingest_observations(database, path, station="568").unchanged == 1


def test_the_command_names_the_option(sqlite_url: str, tmp_path: Path) -> None:
    path = write(tmp_path / "obs.txt", WITHOUT)
    assert "say the observatory code, --stn CODE (rows 1, 2, 3)" in failed(sqlite_url, "ingest", "observations", path)
    assert "3 observations of 3 visits: 3 new" in run(sqlite_url, "ingest", "observations", path, "--stn", "568").stdout


def test_a_last_line_that_was_cut_is_no_observation(tmp_path: Path) -> None:
    """It may have been cut within a number: only its end says that it is whole."""
    first = line("00433", "C", "2024 12 27.238073", "08 56 40.968", "+27 20 08.99", "17.1 ", "V", "568")
    last = line("00433", "C", "2024 12 28.238073", "08 56 41.968", "+27 20 18.99", "17.1 ", "V", "568")
    path = tmp_path / "obs.txt"
    for length, n in ((80, 2), (79, 1), (78, 1), (71, 1), (56, 1), (54, 1), (50, 1), (33, 1), (10, 1)):
        path.write_text(f"{first}\n{last[:length]}")
        with connect() as database:
            report = ingest_observations(database, path, skip_invalid=True, station="568")
            assert (report.new, report.invalid) == (n, 2 - n), length
    path.write_text(f"{first}\n{last[:56]}\n{last[:30]}\n")  # the one is whole, the other is none
    with connect() as database, pytest.raises(InputError, match=r"1 lines are no observations \(line 3\)"):
        ingest_observations(database, path, station="568")
    # The second line of one from space.
    path.write_text("\n".join([first, *WITHOUT[2:3], WITHOUT[3].rstrip()[:32]]) + "\n")
    with connect() as database, pytest.raises(InputError, match=r"1 lines are no observations \(line 2\)"):
        ingest_observations(database, path, station="568")


COMETS = {
    "    PK01M07D": ("P/2001 MD7", None),
    "    CK17K020": ("C/2017 K2", None),
    "    CK25A010*": ("C/2025 A1", None),
    "    PJ94P01b": ("P/1994 P1-B", None),
    "    C_QD000N": ("C/2026 DY620", None),
    "    AK17U010": ("A/2017 U1", None),
    "    SK03J010": ("S/2003 J 1", None),
    "0067P": ("67P", None),
    "0067P      a": ("67P-A", None),
    "0332P     ab": ("332P-AB", None),
    "0067PJ69R010": ("67P", None),
    "0067Pabc123": ("67P", "abc123"),
    "0067Pabc1234": ("67P", "abc1234"),
    "0003D": ("3D", None),
    "0002I": ("2I", None),
    "    Cabc123": (None, "abc123"),
    "    Cabc1234": (None, "abc1234"),
    "    P12345": (None, "12345"),
    "J013S": ("J013S", None),
}
NUMBERS = {
    "     12345": (None, "12345"),
    "     1234567": (None, "1234567"),
    "     K3289": (None, "K3289"),
    "     0001I": (None, "0001I"),
    "     ab12345": (None, "ab12345"),
    "12345": ("12345", None),
    "K3289": ("203289", None),
    "0001I": ("1I", None),
    "0073P": ("73P", None),
    "0073P      b": ("73P-B", None),
    "12345K15MK4Q": ("12345", None),
    "12345abc123": ("12345", "abc123"),
    "~2ZsN": ("1234567", None),
    "~2ZsNabc123": ("1234567", "abc123"),
    "     J95A01B": ("1995 AB1", None),
    "     K15MK4Q": ("2015 MQ204", None),
    "     PLS2040": ("2040 P-L", None),
    "    CK17K020": ("C/2017 K2", None),
    "": (None, None),
}
"""What columns 1 to 12 call an object, and what that is: its designation, and the name that its observer gave it."""


@pytest.mark.parametrize("names", [COMETS, NUMBERS])
def test_what_is_called_an_object_in_columns_1_to_12(
    names: dict[str, tuple[str | None, str | None]], tmp_path: Path
) -> None:
    lines = [
        line(name, "C", f"2024 12 {day:02}.5", "08 56 40.968", "+27 20 08.99") for day, name in enumerate(names, 1)
    ]
    with connect() as database:
        assert ingest_observations(database, write(tmp_path / "obs.txt", lines)).new == len(names)
        rows = sorted(dump(database)["SsReportedSource"], key=lambda row: row["diaSourceId"])
    assert [(row["designation"], row["trkSub"]) for row in rows] == list(names.values())


def test_column_72_is_the_star_catalogue(tmp_path: Path) -> None:
    codes = {"V": "Gaia2", "q": "UCAC4", "L": "2MASS", "6": "Gaia2016", " ": None, "!": None}
    whole = [
        line("00433", "C", f"2024 12 {day:02}.5", "08 56 40.968", "+27 20 08.99", "17.1 ", "V")
        for day, _ in enumerate(codes, 1)
    ]
    lines = [text[:71] + code + text[72:] for text, code in zip(whole, codes, strict=True)]
    with connect() as database:
        assert ingest_observations(database, write(tmp_path / "obs.txt", lines)).new == len(codes)
        rows = sorted(dump(database)["SsReportedSource"], key=lambda row: row["diaSourceId"])
    assert [row["astCat"] for row in rows] == list(codes.values())


def test_texts_around_lines_are_no_observations(tmp_path: Path) -> None:
    """Comments are passed over; others are said, and left out on request."""
    lines = [line("00433", "C", f"2024 12 {day}.5", "08 56 40.968", "+27 20 08.99", stn="568") for day in (27, 28)]
    comments = ["# of a paper", "", "COM of a header"]
    with connect() as database:
        assert ingest_observations(database, write(tmp_path / "a.txt", [*comments, lines[0]])).new == 1
        path = write(tmp_path / "b.txt", ["123456789|123456789|123456789|", *comments, *lines, "more words"])
        with pytest.raises(InputError, match=r"2 lines are no observations \(line 1, 7\)"):
            ingest_observations(database, path)
        report = ingest_observations(database, path, skip_invalid=True)
        assert (report.new, report.unchanged, report.invalid) == (1, 1, 2)


def test_names_of_an_observer_may_begin_earlier(tmp_path: Path) -> None:
    names = {"    Example2": "Example2", "   ab12": "ab12", "  abcd1234": "abcd1234", "abcd": "abcd", "     xy": "xy"}
    lines = [line(name, "C", f"2024 12 {d:02}.5", "08 56 40.968", "+27 20 08.99") for d, name in enumerate(names, 1)]
    lines.append(line("abcdefgh1234", "C", "2024 12 28.5", "08 56 40.968", "+27 20 08.99"))
    with connect() as database:
        report = ingest_observations(database, write(tmp_path / "obs.txt", lines))
        assert report.doubts == ("1 trkSub left out that are longer than 8 characters",)
        rows = sorted(dump(database)["SsReportedSource"], key=lambda row: row["diaSourceId"])
    assert [(row["designation"], row["trkSub"]) for row in rows] == [(None, own) for own in (*names.values(), None)]


def test_sixty_seconds_are_a_minute(tmp_path: Path) -> None:
    """Programs round up: -03 11 60.00."""
    path = write(tmp_path / "obs.txt", [line("00433", "C", "2024 12 27.5", "08 56 60.000", "-03 11 60.00")])
    with connect() as database:
        ingest_observations(database, path)
        (row,) = dump(database)["DiaSource"]
    assert (row["ra"], row["dec"]) == (pytest.approx(15 * (8 + 57 / 60), abs=1e-9), pytest.approx(-3.2, abs=1e-9))
    write(path, [line("00433", "C", "2024 12 27.5", "08 56 61.000", "-03 11 60.00")])
    with connect() as database, pytest.raises(InputError):
        ingest_observations(database, path)


def test_the_place_of_an_occultation_may_be_inside_the_earth(tmp_path: Path) -> None:
    """It is the point of the line of sight that is nearest to the Earth's centre."""
    path = tmp_path / "obs.txt"
    seen = line("00433", "S", "2024 12 30.25000", "06 00 00.0", "+30 00 00", stn="275")

    def second(x: float, y: float, z: float) -> str:
        numbers = "".join(f"{'-' if one < 0 else '+'}{abs(one):10.4f} " for one in (x, y, z))
        return f"00433         s2024 12 30.25000 1 {numbers}       275"

    cos, sin = 0.5 * 3**0.5, 0.5
    with connect() as database:
        beside = write(path, [seen, second(3000.0, -4000.0 * sin, 4000.0 * cos)])
        assert ingest_observations(database, beside).new == 1
        (row,) = dump(database)["Visit"]
        assert row["pos1"] == 3000.0
        along = write(path, [seen.replace("30.25000", "31.25000"), second(0.0, 4000.0 * cos, 4000.0 * sin)])
        along.write_text(along.read_text().replace("30.25000", "31.25000"))
        with pytest.raises(InputError, match="inside the Earth"):
            ingest_observations(database, along)
        write(path, [seen, second(0.0, 0.0, 0.0)])
        with pytest.raises(InputError, match="inside the Earth"):
            ingest_observations(database, path)


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x9b"])
def test_control_characters_are_no_texts(character: str, tmp_path: Path) -> None:
    """PostgreSQL stores no NUL, and terminals obey others."""
    path = tmp_path / "obs.txt"
    texts = (
        f"trkSub|stn|obsTime|ra|dec\nab{character}|568|2020-01-01T01:02:03.4Z|10.5|-5.25\n",
        line(f"     ab{character}", "C", "2024 12 27.5", "08 56 40.968", "+27 20 08.99") + "\n",
    )
    for text in texts:
        path.write_text(text, encoding="utf-8")
        with connect() as database, pytest.raises(InputError, match="1 lines are no observations"):
            ingest_observations(database, path)
