"""Certificates out of a database, each when the first client asks for its name.

Usage: ``python sql_certificates.py DATABASE LIBRARY LISTEN UPSTREAM``, such as
``python sql_certificates.py sqlite:///sites.db auto tls:*:443 tcp:127.0.0.1:8080``.
The table ``sites`` has ``name`` (``www.example.com`` or ``*.example.com``), ``chain`` and
``private_key``, both PEM. What is found is used for five minutes, then looked up again.
"""

import logging
import signal
import sys

import sqlalchemy as sql

import tlsmgm

SITES = sql.Table(
    "sites",
    sql.MetaData(),
    sql.Column("name", sql.String(255), primary_key=True),
    sql.Column("chain", sql.Text, nullable=False),
    sql.Column("private_key", sql.Text, nullable=False),
)


class Sites:
    """Finds domains in the table; called in a thread, while the engine goes on."""

    def __init__(self, url: str) -> None:
        self._engine = sql.create_engine(url)

    def load(self, hello: tlsmgm.ClientHello) -> tlsmgm.Domain | None:
        """The domain of a name, or of the wildcard above it; None: the client is refused."""
        name = hello.server_name
        if name is None:
            return None
        wildcard = f"*.{name.partition('.')[2]}"
        query = sql.select(SITES).where(SITES.c.name.in_([name, wildcard]))
        with self._engine.connect() as connection:
            rows = {row.name: row for row in connection.execute(query)}
        row = rows.get(name) or rows.get(wildcard)
        if row is None:
            return None
        logging.info("%s: the certificate of %s", name, row.name)
        return tlsmgm.Domain.server(
            row.name, names=row.name, certificate=row.chain, key=row.private_key, client_auth="none"
        )


def main(database: str, library: str, address: str, upstream: str) -> None:
    """Serve until somebody says stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    found_by = tlsmgm.OnDemand(Sites(database).load, max_waiting=64, seconds=300)
    manager = tlsmgm.TLSManager(library)
    with manager.listen(address, upstream, on_client_hello=found_by) as listener:
        logging.info("listening on %s", ", ".join(map(str, listener.addresses)))
        signal.sigwait([signal.SIGTERM])
        listener.drain(30)
        listener.wait()
    signal.pthread_sigmask(signal.SIG_SETMASK, signals)


if __name__ == "__main__":
    main(*sys.argv[1:])
