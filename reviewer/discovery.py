"""Finding a provider or a check by its module's name: a new one is a new file, and nothing registers itself.

A module is imported only when it is asked for, so that an SDK that is not configured is never loaded. What the
attribute must look like is said by the package's `interface.py`, not here.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from importlib.util import find_spec
from typing import Any

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,63}")


def load(package: str, name: str, attribute: str) -> Any:
    """Import `reviewer.<package>.<name>` and return one attribute of it.

    Args:
        package: `providers` or `checks`.
        name: lower-case letters, digits and underscores, 1 to 64 characters, beginning with a letter.
        attribute: `PROVIDER` of a provider; `Args` or `build` of a check.

    Raises:
        LookupError: no such module, or it lacks the attribute; the message lists the names that have it.
        ImportError: the module is there, but something that it needs is not installed.
    """
    path = f"reviewer.{package}.{name}"
    if _SLUG.fullmatch(name) and find_spec(path) is not None:
        module = importlib.import_module(path)
        if hasattr(module, attribute):
            return getattr(module, attribute)
    raise LookupError(f"no {name[:64]!r} in {package}; there are: {', '.join(names(package, attribute)) or 'none'}")


def names(package: str, attribute: str) -> tuple[str, ...]:
    """List the modules of a package that define an attribute at top level, sorted, without importing them."""
    defines = re.compile(rf"^(?:def |class )?{re.escape(attribute)}\b", re.MULTILINE)
    found = []
    for module in pkgutil.iter_modules(importlib.import_module(f"reviewer.{package}").__path__):
        spec = find_spec(f"reviewer.{package}.{module.name}")
        source = getattr(spec and spec.loader, "get_source", None)
        if source is not None and defines.search(source(f"reviewer.{package}.{module.name}") or ""):
            found.append(module.name)
    return tuple(sorted(found))
