"""Discovery by module name: what is found, what is refused, and what is not imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reviewer import discovery


def test_returns_the_attribute_of_the_named_module() -> None:
    """A slug that names a module gives that module's attribute."""
    provider = discovery.load("providers", "openai_compatible", "PROVIDER")
    assert provider is sys.modules["reviewer.providers.openai_compatible"].PROVIDER


@pytest.mark.parametrize("name", ["nope", "interface", "", "../openai", "Openai", "openai.x", "a" * 65, "openai\n"])
def test_refuses_what_is_not_an_implementation(name: str) -> None:
    """Unknown names, bad slugs and modules without the attribute all say which names would do."""
    with pytest.raises(LookupError, match=r"there are: anthropic, openai, openai_compatible, openai_decisions$"):
        discovery.load("providers", name, "PROVIDER")


def test_listing_imports_nothing() -> None:
    """Asking for the names of providers loads neither of their SDKs."""
    code = (
        "import sys; from reviewer import discovery; found = discovery.names('providers', 'PROVIDER');"
        "sys.exit(len(found) != 4 or not {'openai', 'anthropic'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
