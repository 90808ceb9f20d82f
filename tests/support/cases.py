"""The recorded answers of the original system; see ``tests/cases/README.md``."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any


def cases_path() -> Path:
    """Return the folder of the recorded cases.

    Returns:
        ``TLSMGM_CASES`` from the environment, else ``tests/cases`` of the checkout.

    Raises:
        FileNotFoundError: it is not there.
    """
    written = os.environ.get("TLSMGM_CASES")
    path = Path(written) if written else Path(__file__).resolve().parents[1] / "cases"
    if not (path / "README.md").is_file():
        raise FileNotFoundError(f"no recorded cases in {path}; set TLSMGM_CASES")
    return path


@functools.cache
def load_cases(name: str) -> Any:
    """Return the content of a case file; treat it as read-only.

    Args:
        name: file name without ``.json``.

    Returns:
        The rows.
    """
    return json.loads((cases_path() / f"{name}.json").read_text(encoding="utf-8"))


def script_of(params: list[list[str]]) -> str:
    """Write the parameters of a recorded configuration as an OpenSIPS script.

    Args:
        params: pairs of parameter and value, in order.

    Returns:
        The script.
    """
    lines = ['loadmodule "tls_openssl.so"', 'loadmodule "tls_mgm.so"']
    lines += [f'modparam("tls_mgm", "{name}", "{value}")' for name, value in params]
    return "\n".join(lines) + "\n"
