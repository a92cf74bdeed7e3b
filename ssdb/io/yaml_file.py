"""Reads the small YAML files that users write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from ssdb.errors import ConfigError, InputError, shown
from ssdb.io.limits import refuse_yaml

_LONGEST_FILE = 1_000_000
"""Characters."""


def read_yaml(path: str | os.PathLike[str], what: str, loader: type[yaml.SafeLoader | yaml.BaseLoader]) -> Any:
    """The content of a YAML file; ``what`` is what messages call it. ConfigError if it cannot be read."""
    name = os.fspath(path)
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_LONGEST_FILE + 1)
        if len(text) > _LONGEST_FILE:
            raise InputError(f"{name}: not a {what}: it has more than {_LONGEST_FILE // 10**6} MB")
        refuse_yaml(name, text)
        return yaml.load(text, loader)
    except InputError as error:
        raise ConfigError(str(error)) from None
    except OSError as error:
        raise ConfigError(f"{name}: the {what} cannot be read: {error.strerror}") from error
    except Exception as error:  # of dates, tags and nesting PyYAML raises whatever it stumbles over
        raise ConfigError(f"{name}: the {what} cannot be read: {error}") from error


def read_yaml_texts(path: str | os.PathLike[str], what: str) -> Any:
    """The same with all values as they are written: 010 may be the code of an observatory."""
    return read_yaml(path, what, _Texts)


class _Texts(yaml.BaseLoader):
    """Reads every value as text."""


def unique_mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    """A mapping whose keys are there once; ConfigError of others. For add_constructor."""
    keys = [key.value for key, _ in node.value]
    again = [key for key in keys if isinstance(key, str) and keys.count(key) > 1]
    if again:
        raise ConfigError(f"{shown(dict.fromkeys(again))} is there twice")
    return dict(loader.construct_mapping(node, deep=True))


MAPPING = "tag:yaml.org,2002:map"
_Texts.add_constructor(MAPPING, unique_mapping)
