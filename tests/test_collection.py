"""Python's search for garbage is left as it was found, whatever happens while rows pass by."""

import gc

import pytest

from ssdb.store.transfer.collection import no_collection


def _fail() -> None:
    assert not gc.isenabled()
    raise KeyError


@pytest.mark.parametrize("enabled", [True, False])
def test_left_as_found(enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(KeyError), no_collection():
            _fail()
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()
