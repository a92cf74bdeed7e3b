"""Damaged files through every reader, as many as wanted: ``cd tests; python -m fuzz --cases 1000``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from fuzz.cases import Figures, case_content, try_cases
from fuzz.corpus import kinds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="of each kind of file")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--kind", help="only kinds whose name begins so")
    parser.add_argument("--case", type=int, help="this one alone; its file is kept")
    options = parser.parse_args()
    figures = Figures()
    numbers = range(options.first, options.first + options.cases)
    if options.case is not None:
        numbers = range(options.case, options.case + 1)
    for kind in kinds():
        if options.kind and not kind.file.startswith(options.kind):
            continue
        if options.case is not None:
            Path(kind.file).write_bytes(case_content(kind, options.case))
        with tempfile.TemporaryDirectory() as directory:
            found = try_cases(kind, numbers, Path(directory))
        print(f"{kind.file}: {found}", *found.faults, sep="\n  ", flush=True)
        figures.add(found)
    print(figures)
    sys.exit(1 if figures.faults else 0)


if __name__ == "__main__":
    main()
