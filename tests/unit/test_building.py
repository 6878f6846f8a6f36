"""Building beside others: what is changed for the time of it is as before afterwards, however it ends."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from reviewer.building import SWITCH_S, building, settle


@pytest.fixture
def thawed() -> Iterator[None]:
    """Leave the collector as it was found."""
    yield
    gc.unfreeze()


@pytest.mark.parametrize("error", [None, ValueError])
def test_what_is_changed_is_put_back(error: type[ValueError] | None) -> None:
    """The collector rests and others get their turn soon while something is built, and only then."""
    usual = sys.getswitchinterval()
    with suppress(ValueError), building():
        assert not gc.isenabled()
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
        if error is not None:
            raise error
    assert gc.isenabled()
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_a_settled_process_sets_aside_what_was_built(thawed: None) -> None:
    """What is built is set aside in a process that has settled, and left to the collector in any other."""
    gc.unfreeze()
    with building():
        built: list[list[int]] = [[] for _ in range(1000)]
    assert gc.get_freeze_count() == 0
    settle()
    before = gc.get_freeze_count()
    with building():
        built += [[] for _ in range(1000)]
    assert gc.get_freeze_count() >= before + 1000
    assert len(built) == 2000
