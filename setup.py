"""Build tlsmgm: C helper libraries, then one extension module for each Cython file.

Everything that can be said without code stands in pyproject.toml. These variables choose:

    TLSMGM_BACKENDS         comma-separated backends to build; all that can be, if not set
    TLSMGM_OPENSSL_PREFIX   where OpenSSL is installed (see wheels/native_link.py for the rest)
    TLSMGM_WOLFSSL_PREFIX   where wolfSSL is installed
    TLSMGM_SANITIZE         comma-separated sanitizers, such as address,undefined
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

os.chdir(Path(__file__).parent)
sys.path.insert(0, "wheels")

import c_core  # noqa: E402 - found through the line above
from c_core import Backend  # noqa: E402
from native_link import LibraryMissingError, Link, find_library  # noqa: E402

MACOS = sys.platform == "darwin"
SANITIZERS = os.environ.get("TLSMGM_SANITIZE", "")

# A release must still install when a newer compiler thinks of a new warning; a checkout must not.
STRICT = ["-Werror"] if Path(".git").exists() else []

# Includes of C files name the room, so they are found from where they are; Cython's C is elsewhere.
INCLUDES = ["-iquote", "csrc"]

C_FLAGS = [*c_core.FLAGS, *c_core.OPTIMIZATION, *c_core.WARNINGS, *STRICT, *INCLUDES]

CYTHON_FLAGS = [
    *c_core.OPTIMIZATION,
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    *STRICT,
    *INCLUDES,
    # Python's own calling conventions hand over arguments that a method has no use for.
    "-Wno-unused-parameter",
    # Cython leaves the last fields of Python's type tables out; C fills them with zeros.
    "-Wno-missing-field-initializers",
    # Python takes methods of several signatures through one pointer type.
    "-Wno-cast-function-type",
]

# Nothing of ours or of a TLS library may be seen by other modules of the process: Python's own
# ssl module brings another OpenSSL. Only each module's PyInit function stays visible.
LINK_FLAGS = (
    ["-Wl,-dead_strip", "-Wl,-exported_symbol,_PyInit_*"]
    if MACOS
    else ["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-Wl,-z,relro,-z,now"]
)

SANITIZER_COMPILE_FLAGS = [
    f"-fsanitize={SANITIZERS}",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
    "-O1",
    "-g",
    "-UNDEBUG",
]
SANITIZER_LINK_FLAGS = [f"-fsanitize={SANITIZERS}"]

# Flavours never share object files.
BUILD_DIRECTORY = Path("build") / "-".join(
    [sysconfig.get_platform(), sys.implementation.cache_tag or "python", SANITIZERS or "plain"]
).replace(",", "-")

DIRECTIVES = {
    "language_level": 3,
    "embedsignature": True,
    "boundscheck": False,
    "wraparound": False,
    # No module counts on the interpreter lock: see "Threads" in docs/architecture.md.
    "freethreading_compatible": True,
}


class BuildCLibraries(build_clib):
    """Compiles the C helper libraries, and only what changed since the last time."""

    def finalize_options(self) -> None:
        """Keep object files between builds, editable installs included."""
        super().finalize_options()
        self.build_temp = str(BUILD_DIRECTORY / "objects")
        self.build_clib = str(BUILD_DIRECTORY / "lib")

    def build_libraries(self, libraries: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Bring every helper library up to date."""
        for name, facts in libraries:
            self.build_one_library(name, facts)

    def build_one_library(self, name: str, facts: dict[str, Any]) -> None:
        """Compile what is out of date and put the library together again if anything was."""
        settings = remember(f"{name}.flags", facts["cflags"])
        newest_input = max(newest(c_core.headers()), settings)
        folder = Path(self.build_temp) / name
        objects = []
        changed = False
        for source in facts["sources"]:
            target = folder / Path(source).with_suffix(self.compiler.obj_extension)
            objects.append(str(target))
            if modified(target) > max(newest_input, modified(source)):
                continue
            self.compiler.compile(
                [source],
                output_dir=str(folder),
                extra_postargs=facts["cflags"],
            )
            changed = True
        archive = Path(self.build_clib) / self.compiler.library_filename(name)
        if changed or modified(archive) < newest(objects):
            # The archiver only ever adds; what was taken out of the sources must go, too.
            archive.unlink(missing_ok=True)
            self.compiler.create_static_lib(objects, name, output_dir=self.build_clib)


class BuildExtensions(build_ext):
    """Builds the extension modules after the C libraries that they are linked with."""

    def finalize_options(self) -> None:
        """Keep what was built between builds in the tree, editable installs included."""
        super().finalize_options()
        self.build_temp = str(BUILD_DIRECTORY / "objects")
        if self.inplace:
            self.build_lib = str(BUILD_DIRECTORY / "modules")

    def run(self) -> None:
        """Build the C libraries first; setuptools itself does so only for a whole build."""
        if self.distribution.libraries:
            self.run_command("build_clib")
        super().run()


class BuildPackage(build_py):
    """Puts the public headers into the package; in a checkout they are used where they are."""

    def run(self) -> None:
        """Copy the headers behind everything else."""
        super().run()
        # The sources of tlsmgm-wolfssl have no such package, and it installs no headers.
        if self.editable_mode or not Path("tlsmgm/__init__.py").is_file():
            return
        folder = Path(self.build_lib) / "tlsmgm" / "include"
        folder.mkdir(parents=True, exist_ok=True)
        for header in c_core.public_headers():
            shutil.copyfile(header, folder / header.name)


def modified(path: str | Path) -> float:
    """Return when a file was last changed; a missing file is older than any other."""
    try:
        return Path(path).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def newest(paths: Iterable[str | Path]) -> float:
    """Return when the last of these files was changed."""
    return max(map(modified, paths), default=0.0)


def remember(name: str, settings: object) -> float:
    """Write settings down if they differ from the last build's; return when they last changed."""
    note = BUILD_DIRECTORY / name
    text = repr(settings)
    if not note.is_file() or note.read_text(encoding="utf-8") != text:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(text, encoding="utf-8")
    return modified(note)


def c_files(folder: str, pattern: str) -> list[str]:
    """Return the files below a folder that match the pattern, in a stable order."""
    return sorted(map(str, Path(folder).glob(pattern)))


def with_sanitizers(flags: list[str], sanitizer_flags: list[str]) -> list[str]:
    """Return the flags, with those of the wanted sanitizers after them so that they win."""
    return [*flags, *sanitizer_flags] if SANITIZERS else flags


def c_library(
    name: str, sources: Iterable[Path], link: Link | None = None
) -> tuple[str, dict[str, Any]]:
    """Describe a static library made of C files."""
    flags = [*C_FLAGS, *(link.compile_args if link else [])]
    return name, {
        "sources": [str(path.relative_to(Path.cwd())) for path in sources],
        "cflags": with_sanitizers(flags, SANITIZER_COMPILE_FLAGS),
    }


def library_facts(link: Link) -> list[str]:
    """Return what a backend's module says of the library that it is built with."""
    # Setuptools' compilers are started without a shell, so these quotes are C's.
    return [
        f'-DTLSMGM_LIBRARY_SOURCE="{link.source}"',
        f'-DTLSMGM_LIBRARY_PATCHES="{";".join(link.patches)}"',
    ]


def extension(pyx: str, c_libraries: list[str], link: Link | None = None) -> Extension:
    """Describe the extension module made of one Cython file."""
    name = pyx.removesuffix(".pyx").replace("/", ".")
    compile_args = [*CYTHON_FLAGS, *(link.compile_args if link else [])]
    compile_args += library_facts(link) if link else []
    compile_args = with_sanitizers(compile_args, SANITIZER_COMPILE_FLAGS)
    # The libraries' archives come last: the linker looks for symbols from left to right.
    link_args = with_sanitizers(
        [*LINK_FLAGS, *(link.link_args if link else [])], SANITIZER_LINK_FLAGS
    )
    return Extension(
        name,
        [pyx],
        include_dirs=["csrc/include"],
        libraries=c_libraries,
        extra_compile_args=compile_args,
        extra_link_args=link_args,
    )


def add_dependencies(module: Extension, found: list[tuple[Backend, Link]]) -> None:
    """Name the files that an extension module is rebuilt for, apart from its own source.

    This waits until Cython is done: it would copy every one of these files.
    """
    remember(f"{module.name}.flags", [module.extra_compile_args, module.extra_link_args])
    module.depends += [
        *map(str, c_core.headers()),
        *(str(BUILD_DIRECTORY / "lib" / f"lib{name}.a") for name in module.libraries),
        str(BUILD_DIRECTORY / f"{module.name}.flags"),
    ]
    for backend, link in found:
        if backend.module == module.name:
            module.depends += link.depends


def wanted_backends() -> list[Backend]:
    """Return the backends that TLSMGM_BACKENDS asks for, all if it is not set."""
    # A checkout has both backends; the sources of each distribution have its own one alone.
    present = [backend for backend in c_core.BACKENDS.values() if Path(backend.pyx).is_file()]
    setting = os.environ.get("TLSMGM_BACKENDS")
    if setting is None:
        return present
    names = {name.strip() for name in setting.split(",")} - {"", "none"}
    unknown = names - set(c_core.BACKENDS)
    if unknown:
        sys.exit(f"TLSMGM_BACKENDS names unknown backends: {', '.join(sorted(unknown))}")
    return [backend for backend in present if backend.name in names]


def warn(text: str) -> None:
    """Print a warning that stands out from a compiler's output."""
    frame = "*" * 78
    print(f"{frame}\n{text}\n{frame}", file=sys.stderr)


def found_backends() -> list[tuple[Backend, Link]]:
    """Return the backends that can be built, each with its library; say loudly what is left out."""
    found = []
    for backend in wanted_backends():
        try:
            link = find_library(backend)
        except LibraryMissingError as error:
            warn(f"tlsmgm is built WITHOUT its {backend.title} backend.\n{error}")
            continue
        print(f"{backend.title} {link.version}: {link.origin}", file=sys.stderr)
        found.append((backend, link))
    if not found and not c_files("tlsmgm/_core", "*.pyx"):
        sys.exit("tlsmgm-wolfssl is this backend and nothing else: there is nothing to build.")
    if not found:
        warn('tlsmgm is built WITHOUT any TLS backend: only library="none" will work.')
    return found


def describe_build() -> dict[str, Any]:
    """Return the C libraries and extension modules for setup()."""
    portable = "tlsmgm_portable"
    libraries = [c_library(portable, c_core.portable_sources())]
    extensions = [extension(pyx, [portable]) for pyx in c_files("tlsmgm/_core", "*.pyx")]
    found = found_backends()
    for backend, link in found:
        own = f"tlsmgm_{backend.name}"
        libraries.append(c_library(own, backend.sources, link))
        extensions.append(extension(backend.pyx, [own, portable], link))
    modules = cythonize(
        extensions,
        build_dir=str(BUILD_DIRECTORY / "cython"),
        include_path=["."],
        compiler_directives=DIRECTIVES,
    )
    for module in modules:
        add_dependencies(module, found)
    return {"libraries": libraries, "ext_modules": modules}


setup(
    cmdclass={
        "build_clib": BuildCLibraries,
        "build_ext": BuildExtensions,
        "build_py": BuildPackage,
    },
    **describe_build(),
)
