"""Names as services and people write them: of interstellar objects, with clicks and quotes, in twelve columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingesting import rows
from test_skybot import ROW, VISITS, read, text

from ssdb.errors import DesignationError, InputError
from ssdb.identity.designation import name_in, pack
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database

KNOWN = {
    "1I/'Oumuamua (A/2017 U1)": ("0001I", "1I", "'Oumuamua"),
    "1I/ʻOumuamua (A/2017 U1)": ("0001I", "1I", "ʻOumuamua"),
    "2I/Borisov (C/2019 Q4)": ("0002I", "2I", "Borisov"),
    "3I/ATLAS (C/2025 N1)": ("0003I", "3I", "ATLAS"),
    "3I/ATLAS": ("0003I", "3I", "ATLAS"),
    "C/2025 N1 (ATLAS)": ("CK25N010", "C/2025 N1", "ATLAS"),
    "1P/Halley (P/1682 Q1)": ("0001P", "1P", "Halley"),
    "229762 G!kun||'homdima": ("M9762", "229762", "G!kun||'homdima"),
    "(229762) Gǃkúnǁʼhòmdímà": ("M9762", "229762", "Gǃkúnǁʼhòmdímà"),
    "469705 =Kagara": ("k9705", "469705", "=Kagara"),
    "469705 ǂKá̦gára": ("k9705", "469705", "ǂKá̦gára"),
    "(6143) 'O'o": ("06143", "6143", "'O'o"),
    "6143 'O'o": ("06143", "6143", "'O'o"),
    "594913 'Aylo'chaxnim": ("x4913", "594913", "'Aylo'chaxnim"),
    "85 Io": ("00085", "85", "Io"),
    "0073PK06J010": ("0073P", "73P", None),
    "0073PK06J01b": ("0073Pb", "73P-B", None),
    "0073P      b": ("0073Pb", "73P-B", None),
    "0073P     bb": ("0073Pbb", "73P-BB", None),
    "    CK25N010": ("CK25N010", "C/2025 N1", None),
    "0332PK10V010": ("0332P", "332P", None),
    "0002IK19Q040": ("0002I", "2I", None),
}


@pytest.mark.parametrize(("text_", "expected"), KNOWN.items())
def test_they_are_known(text_: str, expected: tuple[str, str, str | None]) -> None:
    assert (*pack(text_), name_in(text_)) == expected


@pytest.mark.parametrize(
    "text_",
    [
        "2015 'q",
        "2015 Mq",
        "3I/ATLAS (C/2025 N)",
        "3I/ATLAS (C/202 N1)",
        "0073QK06J010",
        "=Kagara",
        "0073PK06I010",
        "0073PK06J0100",
        "0073PK06J01-",
        "3I/ATLAS (C/2025 N1) more",
    ],
)
def test_what_is_no_name_stays_none(text_: str) -> None:
    with pytest.raises(DesignationError):
        pack(text_)


CLICKS = ROW.replace("157323", "229762").replace("2004 SU57", "G!kun||'homdima")
NUMBERLESS = ROW.replace("157323", "-").replace("2004 SU57", "3I/ATLAS (C/2025 N1)")


def test_a_pipe_inside_of_a_name_separates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "skybot.txt"
    found = read(path, text(CLICKS, ROW, NUMBERLESS))
    assert [row["designation"] for row in found] == ["229762", "2004 SU57", "3I/ATLAS (C/2025 N1)"]
    assert found[0]["ephRa"] == found[1]["ephRa"] == found[2]["ephRa"]
    (row,) = read(path, text(CLICKS.replace("229762", "-").replace("G!kun||'homdima", "|x| |a|b")))
    assert row["designation"] == "|x| |a|b"


def test_a_row_of_too_many_values_is_one_still(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is it complete"):
        read(tmp_path / "skybot.txt", text(ROW, ROW.replace("2004 SU57", "2004 SU57 | 5")))


def test_columns_without_blanks_between_them(tmp_path: Path) -> None:
    (row,) = read(tmp_path / "skybot.txt", text(ROW.replace(" | ", "|")))
    assert row["designation"] == "2004 SU57"


def test_they_are_stored_under_what_they_are(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, VISITS)
    path = tmp_path / "skybot.txt"
    path.write_text(text(CLICKS, NUMBERLESS))
    assert ingest_predictions(database, path, visit=10).rows == 2
    assert {row["designation"] for row in rows(database, "SsPrediction")} == {"229762", "3I"}
    assert "3I/ATLAS (C/2025 N1)" in {row["alias"] for row in rows(database, "SsAlias")}
