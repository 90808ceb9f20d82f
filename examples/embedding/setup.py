"""Builds echo_tls against the headers and declarations of the installed tlsmgm."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

import tlsmgm

# Where "tlsmgm/capi.pxd" is. Cython finds it by itself unless tlsmgm is an editable install.
PACKAGES = str(Path(tlsmgm.__file__).parents[1])

setup(
    ext_modules=cythonize(
        [Extension("echo_tls", ["echo_tls.pyx"], include_dirs=[tlsmgm.get_include()])],
        include_path=[PACKAGES],
        language_level=3,
        # It counts on no interpreter lock, so a free-threaded Python need not switch it on.
        compiler_directives={"freethreading_compatible": True},
    )
)
