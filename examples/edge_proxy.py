"""An edge proxy: TLS before plain servers, chosen by domain, and the client's name in the log.

Usage: ``python edge_proxy.py CONFIG LISTEN DOMAIN=UPSTREAM ...``, such as
``python edge_proxy.py tlsmgm.toml tls:*:443 web=tcp:127.0.0.1:8080 '*=unix:/run/app.sock'``.
SIGHUP reads the configuration anew, SIGTERM lets connections end and stops.
"""

import logging
import signal
import sys

import tlsmgm


def note(ended: tlsmgm.Ended) -> None:
    """Log a connection that is over, with the common name of the client's certificate."""
    shown = ended.connection and ended.connection.peer_certificate
    name = shown.subject_cn if shown else None
    domain = ended.domain.name if ended.domain else None
    logging.info("%s cn=%r domain=%s upstream=%s %s", ended.client, name, domain, ended.upstream,
                 ended.reason or ended.status)  # fmt: skip


def main(config: str, address: str, *routes: str) -> None:
    """Serve until somebody says stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP])
    manager = tlsmgm.TLSManager.from_config(config)
    table = dict(route.split("=", 1) for route in routes)
    with manager.listen(address, table, workers=2, on_end=note) as listener:
        logging.info("listening on %s", ", ".join(map(str, listener.addresses)))
        while signal.sigwait([signal.SIGTERM, signal.SIGHUP]) == signal.SIGHUP:
            try:
                logging.info("%s", manager.reload())
            except tlsmgm.ConfigError as error:  # everything goes on as it was
                logging.error("%s", error)
        listener.drain(30)
        listener.wait()
    signal.pthread_sigmask(signal.SIG_SETMASK, signals)


if __name__ == "__main__":
    main(*sys.argv[1:])
