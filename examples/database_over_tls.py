"""Connect to PostgreSQL with a TLS domain: certificate, key and CAs come from its configuration.

Usage: ``python database_over_tls.py --config opensips.cfg --domain db --host HOST --user USER``.
The configuration is an OpenSIPS script, a TOML file, or the URL of a database with domains. A
password, if the server asks for one, is taken from the environment variable PGPASSWORD.
"""

from __future__ import annotations

import argparse
import os
import sys

import pg8000.exceptions
import pg8000.native

import tlsmgm

TIMEOUT = 10  # seconds

QUERY = """
    SELECT current_setting('server_version'), tls.ssl, tls.version, tls.client_dn
    FROM pg_stat_ssl AS tls WHERE pid = pg_backend_pid()
"""


def read(config: str) -> tlsmgm.TLSManager:
    """Read a configuration. No TLS library of ours is needed: the driver brings its own."""
    if "://" not in config:
        return tlsmgm.TLSManager.from_config(config, library="none")
    manager = tlsmgm.TLSManager("none")
    manager.attach_database(config)
    return manager


def report(options: argparse.Namespace) -> None:
    """Connect, and print what the server says about the connection.

    Raises:
        TLSError: the configuration cannot be used, or has no such domain.
        OSError: there is no TLS connection, perhaps because a certificate was refused.
        Error: the server refuses us.
    """
    domain = read(options.config).find_client_domain_by_name(options.domain)
    if domain is None:
        raise tlsmgm.ConfigError("there is no client domain of this name", domain=options.domain)
    with pg8000.native.Connection(
        options.user,
        host=options.host,
        port=options.port,
        database=options.database,
        password=os.environ.get("PGPASSWORD"),
        ssl_context=domain.ssl_context(),
        timeout=TIMEOUT,
    ) as connection:
        version, encrypted, tls_version, subject = connection.run(QUERY)[0]
    print(f"PostgreSQL {version}")
    print(f"TLS: {'yes' if encrypted else 'no'}, {tls_version}")
    print(f"the server knows us as {subject}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", required=True, help="script, TOML file or database URL")
    parser.add_argument("--domain", required=True, help="name of a client domain")
    parser.add_argument("--host", required=True, help="also compared with the certificate")
    parser.add_argument("--port", type=int, default=5432)
    parser.add_argument("--user", required=True)
    parser.add_argument("--database", default="postgres")
    try:
        report(parser.parse_args())
    except (tlsmgm.TLSError, OSError, pg8000.exceptions.Error) as error:
        cause = f": {error.__cause__}" if error.__cause__ else ""
        sys.exit(f"{type(error).__name__}: {error}{cause}")
