"""Workflows and the settings of cibuildwheel: what they name exists, and they say the same things.

None of them runs here. This is about what would only be seen to be wrong on another machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import source_tree
import yaml
from distributions import DISTRIBUTIONS, TLSMGM, TLSMGM_WOLFSSL, Distribution

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / ".github" / "actions" / "prepare" / "action.yml"
SETTINGS = {
    TLSMGM: tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")),
    TLSMGM_WOLFSSL: tomllib.loads(
        (ROOT / "wheels" / "tlsmgm_wolfssl" / "pyproject.toml").read_text(encoding="utf-8")
    ),
}
SCRIPTS = sorted(
    [*ROOT.glob("wheels/*.sh"), *ROOT.glob("tests/*.sh"), *ROOT.glob("tests/fuzz/install*.sh")]
)

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="this is a copy without workflows")


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path.stem, name, job) for path in WORKFLOWS for name, job in load(path)["jobs"].items()
    ]


def steps() -> list[dict[str, Any]]:
    used = [step for _, _, job in jobs() for step in job["steps"]]
    return used + (load(ACTION)["runs"]["steps"] if ACTION.is_file() else [])


def commands() -> str:
    return "\n".join(step["run"] for step in steps() if "run" in step)


@pytest.mark.parametrize("name", ["tests", "sanitizers"])
def test_a_run_of_the_suite_does_without_no_library(name: str) -> None:
    workflow = load(ROOT / ".github" / "workflows" / f"{name}.yml")
    assert workflow["env"]["TLSMGM_REQUIRE"].split(",") == ["openssl", "wolfssl"]


def cibuildwheel(distribution: Distribution) -> dict[str, Any]:
    found: dict[str, Any] = SETTINGS[distribution]["tool"]["cibuildwheel"]
    return found


def classified() -> set[str]:
    """The versions of Python that the distribution says it is for, such as 3.11."""
    prefix = "Programming Language :: Python :: "
    found = [line.removeprefix(prefix) for line in SETTINGS[TLSMGM]["project"]["classifiers"]]
    return {version for version in found if re.fullmatch(r"3\.\d+", version)}


# Workflows


def test_every_kind_of_check_has_a_workflow() -> None:
    assert [path.stem for path in WORKFLOWS] == ["fuzz", "guard", "sanitizers", "tests", "wheels"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_and_nothing_else(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]


def test_only_publishing_may_ask_for_an_identity() -> None:
    more = {(workflow, name) for workflow, name, job in jobs() if "permissions" in job}
    assert more == {("wheels", "publish-tlsmgm"), ("wheels", "publish-tlsmgm-wolfssl")}
    for workflow, name, job in jobs():
        if (workflow, name) in more:
            assert job["permissions"] == {"id-token": "write"}
            assert job["environment"]["name"] == "pypi"
            assert "github.ref_type == 'tag'" in job["if"]


def test_every_job_ends_at_some_time() -> None:
    assert [name for _, name, job in jobs() if "timeout-minutes" not in job] == []


def test_actions_are_pinned_by_commit_and_name_their_version() -> None:
    for path in [*WORKFLOWS, ACTION]:
        for line in path.read_text(encoding="utf-8").splitlines():
            uses = re.search(r"uses: (.+)", line)
            if uses is None:
                continue
            if uses[1].startswith("./"):
                assert (ROOT / uses[1] / "action.yml").is_file()
            else:
                assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses[1])


def test_one_action_is_always_the_same_commit() -> None:
    used = {step["uses"] for step in steps() if "@" in step.get("uses", "")}
    # actions/cache has parts, which are one repository.
    commits = {("/".join(one.split("/")[:2]).split("@")[0], one.split("@")[1]) for one in used}
    assert len({name for name, _ in commits}) == len(commits)


def test_no_token_is_left_in_a_checkout() -> None:
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_expression_is_part_of_a_command() -> None:
    """Whoever names a branch could otherwise write a command."""
    assert "${{" not in commands()


def test_every_target_of_make_exists() -> None:
    called = re.findall(r"\bmake(?: -C \S+)? ([a-z-]+)", commands())
    assert {"test", "lint", "build", "asan", "fuzz", "wheel", "bench-check"} <= set(called)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [target for target in called if f"\n{target}:" not in makefile] == []


def test_every_file_that_a_command_names_exists() -> None:
    named = re.findall(r"(?:wheels|tests|benchmarks|\.github)(?:/[\w.-]+)+", commands())
    assert {"wheels/source_tree.py", ".github/requirements.txt", "tests/tls"} <= set(named)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_cache_of_native_libraries_is_keyed_by_what_builds_them() -> None:
    [cached] = [step for step in load(ACTION)["runs"]["steps"] if "key" in step.get("with", {})]
    [patterns] = re.findall(r"hashFiles\((.+?)\)", cached["with"]["key"])
    files = {file.name for one in re.findall(r"'(.+?)'", patterns) for file in ROOT.glob(one)}
    assert {"native_libs.toml", "native_pins.py", "native_sources.py"} <= files
    assert "build_native_libs.py" in files


def test_nothing_that_is_published_comes_out_of_a_cache() -> None:
    wheels = [step for workflow, _, job in jobs() if workflow == "wheels" for step in job["steps"]]
    used = [step["uses"] for step in wheels if "uses" in step]
    assert used
    assert not [one for one in used if "cache" in one or one.startswith("./")]


def test_the_tests_run_on_every_version_of_python() -> None:
    [matrix] = [
        job["strategy"]["matrix"]["python"]
        for workflow, _, job in jobs()
        if workflow == "tests" and "strategy" in job
    ]
    assert {version.removesuffix("t") for version in matrix} == classified()


def test_dependabot_looks_after_actions_and_requirements() -> None:
    updates = load(ROOT / ".github" / "dependabot.yml")["updates"]
    [actions, requirements] = updates
    assert actions["package-ecosystem"] == "github-actions"
    assert f"/{ACTION.parent.relative_to(ROOT)}" in actions["directories"]
    assert requirements["package-ecosystem"] == "pip"
    pins = (ROOT / ".github" / "requirements.txt").read_text(encoding="utf-8")
    assert re.search(r"^cibuildwheel==\d+\.\d+\.\d+$", pins, re.MULTILINE)


# cibuildwheel


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda one: one.name)
def test_there_are_wheels_for_every_version_of_python(distribution: Distribution) -> None:
    """And for none that the classifiers do not name."""
    build = cibuildwheel(distribution)["build"]
    parts = [match for one in build if (match := re.fullmatch(r"cp3(\d+)t?-\*", one))]
    assert len(parts) == len(build)
    assert {f"3.{part[1]}" for part in parts} == classified()
    assert [one for one in build if "t-" in one] == ["cp314t-*", "cp315t-*"]
    oldest = min(int(part[1]) for part in parts)
    assert SETTINGS[distribution]["project"]["requires-python"] == f">=3.{oldest}"


def test_both_distributions_are_built_alike() -> None:
    ours, wolfssl = (dict(cibuildwheel(one)) for one in DISTRIBUTIONS)
    for settings in (ours, wolfssl):
        del settings["before-all"], settings["test-command"]
    # It needs the other one, which may be on no registry yet.
    before_test = wolfssl.pop("before-test")
    needed = [f"pip install '{one}'" for one in SETTINGS[TLSMGM]["project"]["dependencies"]]
    assert before_test == [
        *needed,
        "pip install --no-index --find-links {project}/wheelhouse tlsmgm",
    ]
    assert ours == wolfssl


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda one: one.name)
def test_a_distribution_is_built_and_tested_with_its_library(distribution: Distribution) -> None:
    settings = cibuildwheel(distribution)
    assert settings["before-all"].split()[2:] == [distribution.library]
    libraries = settings["test-command"][-1].partition("smoke.py . ")[2].split()
    assert libraries == (["openssl"] if distribution is TLSMGM else ["openssl", "wolfssl"])


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda one: one.name)
def test_the_images_are_those_that_are_promised_and_know_the_time(
    distribution: Distribution,
) -> None:
    linux = cibuildwheel(distribution)["linux"]
    images = {name: value for name, value in linux.items() if name.endswith("-image")}
    assert images == {
        f"{kind}-{processor}-image": image
        for kind, image in (("manylinux", "manylinux_2_28"), ("musllinux", "musllinux_1_2"))
        for processor in ("x86_64", "aarch64")
    }
    assert linux["environment-pass"] == ["SOURCE_DATE_EPOCH"]
    assert linux["environment"]["TLSMGM_NATIVE_CACHE"].startswith("/")


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda one: one.name)
def test_every_script_of_the_settings_is_in_the_source_tree(
    distribution: Distribution, tmp_path: Path
) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is a copy without git")
    trees = tmp_path / "trees"
    assert source_tree.main([str(trees)]) == 0
    tree = trees / distribution.name
    built = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))
    assert built["project"]["name"] == distribution.name
    named = re.findall(r"\{package\}/(wheels/[\w.]+)", str(built["tool"]["cibuildwheel"]))
    assert len(named) == 5
    assert [name for name in named if not (tree / name).is_file()] == []


def test_trees_are_not_put_over_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        source_tree.main([str(tmp_path)])
    assert "is there already" in capsys.readouterr().err


# Scripts


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_shell_understands_the_script(script: Path) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert os.access(script, os.X_OK)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="there is no shellcheck here")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing_in_the_script(script: Path) -> None:
    done = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


def stub(folder: Path, name: str, text: str) -> None:
    """A program that does what the text says."""
    program = folder / name
    program.write_text(f"#!{shutil.which('sh')}\n{text}\n")
    program.chmod(0o755)


def bare_machine(folder: Path, system: str, *managers: str) -> dict[str, str]:
    """A machine without any tool; each of its programs writes down what it was asked for."""
    for name in ("sh", "dirname"):
        program = shutil.which(name)
        assert program is not None
        (folder / name).symlink_to(program)
    stub(folder, "uname", f"echo {system}")
    for name in managers:
        stub(folder, name, f'echo "{name} $*" >>"$LOG"')
    # The first question is whether the version will do.
    stub(folder, "python3", '[ "$1" = -c ] || echo "python3 $*" >>"$LOG"')
    return {"PATH": str(folder), "LOG": str(folder / "log")}


def before_all(machine: dict[str, str], *libraries: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "wheels" / "before_all.sh"), *libraries]
    return subprocess.run(command, env=machine, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("system", "manager", "installed"),
    [
        ("Linux", "dnf", "dnf install -y -q gcc make patch autoconf automake libtool openssl"),
        ("Linux", "apk", "apk add --no-cache gcc musl-dev make patch autoconf automake libtool"),
        ("Darwin", "brew", "brew install --quiet gcc make patch autoconf automake libtool openssl"),
    ],
)
def test_what_is_missing_is_installed_then_the_library_is_built(
    tmp_path: Path, system: str, manager: str, installed: str
) -> None:
    machine = bare_machine(tmp_path, system, manager)
    done = before_all(machine, "openssl")
    assert done.returncode == 0, done.stderr
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first.startswith(installed)
    assert ("perl-core" if manager == "dnf" else "perl") in first.split()
    assert second == f"python3 {ROOT}/wheels/build_native_libs.py openssl"


def test_nothing_is_installed_where_all_is_there(tmp_path: Path) -> None:
    machine = bare_machine(tmp_path, "Linux", "dnf")
    for tool in ("cc", "make", "patch", "autoconf", "automake", "libtoolize", "openssl", "perl"):
        stub(tmp_path, tool, "exit 0")
    done = before_all(machine, "openssl", "wolfssl")
    assert done.returncode == 0, done.stderr
    [line] = (tmp_path / "log").read_text().splitlines()
    assert line.endswith("build_native_libs.py openssl wolfssl")


def test_a_machine_without_a_package_manager_is_refused(tmp_path: Path) -> None:
    done = before_all(bare_machine(tmp_path, "Linux"), "openssl")
    assert done.returncode == 1
    assert "none of apt-get, dnf, apk and brew" in done.stderr


def test_python_that_is_too_old_builds_nothing(tmp_path: Path) -> None:
    machine = bare_machine(tmp_path, "Linux", "dnf")
    stub(tmp_path, "python3", "exit 1")
    done = before_all(machine, "openssl")
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr


def test_before_all_wants_to_know_what_to_build(tmp_path: Path) -> None:
    done = before_all(bare_machine(tmp_path, "Linux", "dnf"))
    assert done.returncode == 2
    assert "usage" in done.stderr
    assert not (tmp_path / "log").exists()
