"""What the documents say can be done, and done as they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tlsmgm
from tests.docs.blocks import LANGUAGES, Reader, read_blocks
from tlsmgm._commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)

#: Ports that the documents use in their examples.
PORTS = (8080, 8443)


@pytest.fixture
def anywhere(tmp_path: Path) -> Reader:
    return Reader(ROOT, tmp_path, PORTS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_runs(document: str, anywhere: Reader) -> None:
    if not tlsmgm.libraries():
        pytest.skip("no TLS library is installed")
    anywhere.follow(read_blocks((ROOT / document).read_text(encoding="utf-8")))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_have_a_language_and_links_a_target(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = read_blocks(text)
    assert 2 * len(blocks) == len(re.findall(r"^```", text, re.MULTILINE))
    assert {block.language for block in blocks} <= LANGUAGES
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / document).parent.joinpath(target).exists(), target


def test_readme_lists_every_command_and_no_other() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `tlsmgm (\w+)", text, re.MULTILINE)) == set(COMMANDS)


def test_a_failing_shell_block_is_told(anywhere: Reader) -> None:
    with pytest.raises(AssertionError, match="line 2: exit code 3"):
        anywhere.follow(read_blocks("```sh\nexit 3\n```\n"))


def test_a_failing_python_block_is_told(anywhere: Reader) -> None:
    with pytest.raises(AssertionError, match="line 2: ZeroDivisionError"):
        anywhere.follow(read_blocks("```python\n1 / 0\n```\n"))


def test_an_expected_failure_must_happen(anywhere: Reader) -> None:
    blocks = read_blocks("<!-- exit code: 3 -->\n```sh\nexit 3\n```\n")
    assert anywhere.follow(blocks) == ""
    with pytest.raises(AssertionError, match="exit code 0, not 3"):
        anywhere.follow(read_blocks("<!-- exit code: 3 -->\n```sh\ntrue\n```\n"))


def test_a_program_that_never_gets_ready_is_told(anywhere: Reader) -> None:
    blocks = read_blocks("<!-- background until: ready -->\n```sh\necho steady\n```\n")
    with pytest.raises(AssertionError, match="steady"):
        anywhere.follow(blocks)
