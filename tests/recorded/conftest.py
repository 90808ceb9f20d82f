"""Managers made of recorded configurations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cases import cases_path, script_of
from tlsmgm import TLSManager

#: Makes a manager of parameters of ``tls_mgm`` for a library; equal ones are made once.
Configure = Callable[[list[list[str]], str], TLSManager]


@pytest.fixture(scope="session")
def config_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where scripts lie; beside them ``pki``, as recorded paths expect it."""
    path = tmp_path_factory.mktemp("recorded")
    (path / "pki").symlink_to(cases_path() / "pki")
    return path


@pytest.fixture(scope="session")
def configure(config_dir: Path) -> Configure:
    made: dict[tuple[str, str], TLSManager] = {}

    def make(params: list[list[str]], library: str) -> TLSManager:
        script = script_of(params)
        if (script, library) not in made:
            path = config_dir / "opensips.cfg"
            path.write_text(script, encoding="utf-8")
            made[script, library] = TLSManager.from_config(path, library=library)
        return made[script, library]

    return make
