"""Directions as astronomers paste them, beside astropy."""

from __future__ import annotations

from typing import Any

import pytest
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord

from ssdb.errors import ConfigError
from ssdb.io.angles import dec_of, ra_of

HERE = SkyCoord("05h35m17.3s", "-05d23m28s")


@pytest.mark.parametrize("style", [{"sep": ":"}, {"sep": " "}, {"sep": "hms"}, {"sep": " ", "pad": True}, {}])
@pytest.mark.parametrize("decorated", [str, str.upper, " {} ".format])
def test_sexagesimal_as_astropy_writes_it(style: dict[str, Any], decorated: Any) -> None:
    of_dec = style if style.get("sep") != "hms" else {"sep": "dms"}
    assert ra_of(decorated(HERE.ra.to_string(u.hourangle, **style))) == pytest.approx(HERE.ra.deg, abs=1e-9)
    assert dec_of(decorated(HERE.dec.to_string(u.deg, **of_dec))) == pytest.approx(HERE.dec.deg, abs=1e-9)
    assert dec_of(decorated((-HERE.dec).to_string(u.deg, alwayssign=True, **of_dec))) > 5.0


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        *[("10", 10.0), (" 150.5 ", 150.5), ("1.5e2", 150.0), ("10h", 150.0), ("10.5h", 157.5), ("10h30m", 157.5)],
        *[("10:30", 157.5), ("10 30.5", 157.625), ("10 h 30 m", 157.5), ("150d30m", 150.5), ("150.5 deg", 150.5)],
        *[("150°30'", 150.5), ("10h00m08.2", Angle("10h00m08.2s").deg), ("-1:00", -15.0), ("00:00:00", 0.0)],
        *[(3, 3.0), (Angle("10h"), 150.0), (1.0 * u.hourangle, 15.0), (30.0 * u.arcmin, 0.5)],
    ],
)
def test_degrees_unless_written_as_hours(text: Any, degrees: float) -> None:
    assert ra_of(text) == pytest.approx(degrees, abs=1e-12)


def test_less_than_a_degree_south() -> None:
    for text in ("-00:30:00", "-0 30", "−00 30 00", "-0d30m", "-0.5", "-0°30′00″"):
        assert dec_of(text) == -0.5
    assert ra_of("150 02 03".replace(" ", "d", 1).replace(" ", "m")) == pytest.approx(150.0 + 2.0 / 60.0 + 3.0 / 3600.0)


WRONG = ["", "x", "10:60", "10:59:60", "10:00:60.5", "25:00:00", "10m", "10s", "5S", "30'", "12:30:15 N", "10h -05d"]
WRONG += ["1:2:3:4", "10:00:08,2", "1.5:30", "10:-5", "10:00:08.2 -05:23:28", "150 02 03", "1 rad"]
WRONG += ["12:30:15s", "12 30 15s", "12:30:15 S", "12 30m", "5:10m", "12:30h"]


@pytest.mark.parametrize("text", [*WRONG, None, [1, 2], 1j, 3.0 * u.s])
def test_what_is_ambiguous_or_none_is_refused(text: Any) -> None:
    with pytest.raises(ConfigError, match=r"^ra: .* is neither degrees nor hours as 12:30:15\.5$"):
        ra_of(text)


@pytest.mark.parametrize("text", ["5h", "05h23m28s", "10 h", "05:10:30 S", '05 10 30"', "-05:10:30s", "5:10m"])
def test_a_declination_is_not_in_hours(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^dec: .* is neither degrees nor degrees, minutes and seconds as"):
        dec_of(text)
