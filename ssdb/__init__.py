"""ssdb finds out, in a database, which known asteroid or comet each detection of a sky survey is.

The public names are those that ``__init__.pyi`` imports. Each is loaded when it is first used, so that importing ssdb
costs next to nothing.
"""

from __future__ import annotations

import os
from importlib import import_module

__version__ = "0.1.0"  # as pyproject.toml says, too: what is worked out cannot be installed without building

with open(os.path.splitext(__file__)[0] + ".pyi", encoding="utf-8") as _stub:
    _MODULES = {line.split()[3]: line.split()[1] for line in _stub if line.startswith("from ")}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
