"""Create, fill and show a table of TLS domains in a database.

The table is that of OpenSIPS: OpenSIPS itself, its Control Panel and tlsmgm can share it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tlsmgm._commands.arguments import add_json, seconds
from tlsmgm._commands.configuration import CONFIG_HELP
from tlsmgm._commands.output import complain, print_json, print_table
from tlsmgm._domains.words import printable
from tlsmgm.errors import ConfigError

if TYPE_CHECKING:
    from tlsmgm._config.database_settings import DatabaseSettings
    from tlsmgm._domains.domain import Domain
    from tlsmgm._provisioning.loaded import RowFailure, Rows

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    init = _action(actions, "init", _init, "create the table where it is missing")
    init.add_argument(
        "--notify",
        action="store_true",
        help="let the database tell of changes: notifications of PostgreSQL, else a change marker",
    )
    fill = _action(actions, "import", _import, "write the domains of a configuration into it")
    fill.add_argument("source", metavar="FILE", help=CONFIG_HELP)
    fill.add_argument(
        "--replace", action="store_true", help="write domains anew that are there already"
    )
    export = _action(actions, "export", _export, "write its domains into an empty folder")
    export.add_argument("--output", required=True, metavar="DIR", help="keys are written there")
    export.add_argument("--to", choices=["toml", "script"], default="toml")
    _action(
        actions, "ticket-secret", _ticket_secret, "write a new secret for session tickets into it"
    )
    _action(actions, "show", _show, "list its rows, and what is wrong with them")


def _action(
    actions: Any, name: str, run: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=summary, allow_abbrev=False
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--url", metavar="URL", help="database; TLSMGM_DB_URL in the environment does as well"
    )
    where.add_argument("--config", metavar="FILE", help="take the database that FILE names")
    parser.add_argument("--table", metavar="NAME", help="table (default: tls_mgm)")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="for the work (default: 10)")
    add_json(parser)
    parser.set_defaults(run_action=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """Do what the subcommand says."""
    code: int = options.run_action(options)
    return code


def _settings(options: argparse.Namespace, fallback: str | None = None) -> DatabaseSettings:
    """The database: of the options, else of a configuration, else of the environment."""
    import dataclasses

    from tlsmgm._config.database_settings import DatabaseSettings, normal_url
    from tlsmgm._config.reader import read_configuration

    url = options.url or (None if options.config else os.environ.get("TLSMGM_DB_URL"))
    changes = {
        name: getattr(options, name)
        for name in ("table", "timeout")
        if getattr(options, name) is not None
    }
    if url is not None:
        return DatabaseSettings(normal_url(url), **changes)
    path = options.config or fallback
    found = None if path is None else read_configuration(path).database
    if found is None:
        reason = "names no database" if path else "there is no database"
        raise ConfigError(reason, origin=path, hint="give --url or --config")
    return dataclasses.replace(found, **changes)


def _module(name: str) -> Any:
    from tlsmgm._provisioning import sql_module

    return sql_module(name)


def _init(options: argparse.Namespace) -> int:
    settings = _settings(options)
    created = _module("transfer").init_database(settings, notices=options.notify)
    if options.json:
        print_json({"url": settings.safe_url, "table": settings.table, "created": created})
    else:
        done = "created" if created else "was there already"
        print(f"table {settings.table} {done} in {settings.safe_url}")
        if options.notify:
            print("changes to it will be told")
    return 0


def _import(options: argparse.Namespace) -> int:
    from tlsmgm._config.reader import read_configuration

    settings = _settings(options, fallback=options.source)
    domains = read_configuration(options.source).domains
    if not domains:
        raise ConfigError("defines no TLS domain", origin=options.source)
    done = _module("transfer").import_domains(settings, domains, replace=options.replace)
    if options.json:
        print_json({"added": list(done.added), "replaced": list(done.replaced)})
    else:
        print(f"{len(done.added)} added, {len(done.replaced)} replaced in {settings.safe_url}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from tlsmgm._config.write_opensips import write_script
    from tlsmgm._config.write_toml import write_toml
    from tlsmgm._provisioning.export import export_domains

    domains, failures = _divided(_module("source").read_rows(_settings(options)))
    is_toml = options.to == "toml"
    made = export_domains(
        domains,
        options.output,
        "tlsmgm.toml" if is_toml else "opensips.cfg",
        write_toml if is_toml else write_script,
        absolute=not is_toml,
    )
    if options.json:
        reasons = [str(failure.error) for failure in failures]
        print_json({"config": made.path, "domains": len(domains), "failed": reasons})
    else:
        print(f"{len(domains)} domains written to {made.path}")
        _complain_of(failures)
    return int(bool(failures))


def _ticket_secret(options: argparse.Namespace) -> int:
    settings = _settings(options)
    _module("ticket_table").new_ticket_secret(settings)
    if options.json:
        print_json({"url": settings.safe_url, "table": settings.table})
    else:
        print("written; all who read this database seal tickets with it after their next reload")
    return 0


def _show(options: argparse.Namespace) -> int:
    settings = _settings(options)
    rows: Rows = _module("source").read_rows(settings)
    domains, failures = _divided(rows)
    schema = _module("schema")
    unread = _module("engine").run(
        settings, lambda connection: schema.columns_unread(connection, settings)
    )
    if options.json:
        described = list(map(_described, rows.items))
        print_json({"table": settings.table, "rows": described, "warnings": list(unread)})
        return int(bool(failures))
    heads = ("ROW", "NAME", "KIND", "ADDRESSES", "NAMES", "METHOD", "CERTIFICATE", "EXPIRES", "KEY")
    print_table(heads, map(_line, domains))
    for sentence in unread:
        print(f"tlsmgm: warning: {printable(sentence)}", file=sys.stderr)
    _complain_of(failures)
    return int(bool(failures))


def _divided(rows: Rows) -> tuple[list[Domain], list[RowFailure]]:
    from tlsmgm._domains.domain import Domain

    domains = [item for item in rows.items if isinstance(item, Domain)]
    return domains, [item for item in rows.items if not isinstance(item, Domain)]


def _complain_of(failures: Iterable[RowFailure]) -> None:
    for failure in failures:
        complain(str(failure.error))


def _described(item: Domain | RowFailure) -> dict[str, Any]:
    """A row in JSON's types; keys are never among them."""
    from tlsmgm._domains.domain import Domain

    if not isinstance(item, Domain):
        return {"row": str(item.origin), "error": str(item.error)}
    subject, expires = _certificate(item)
    return {
        "row": str(item.origin),
        "domain": item.name,
        "kind": item.kind,
        "match_ip_address": list(item.match_ip_address),
        "match_sip_domain": list(item.match_sip_domain),
        "method": item.method,
        "verify_cert": item.verify_cert,
        "require_cert": item.require_cert,
        "certificate": subject,
        "expires": expires,
        "has_private_key": item.private_key is not None,
    }


def _line(domain: Domain) -> tuple[str, ...]:
    subject, expires = _certificate(domain)
    return (
        str(domain.origin).rpartition(" ")[2],
        domain.name,
        domain.kind,
        ", ".join(domain.match_ip_address),
        ", ".join(domain.match_sip_domain),
        domain.method,
        subject or "-",
        expires or "-",
        "yes" if domain.private_key else "-",
    )


def _certificate(domain: Domain) -> tuple[str | None, str | None]:
    """Subject of the leaf and its last day, or what is wrong with it."""
    from tlsmgm._core.certificate import Certificate

    if not isinstance(domain.certificate, bytes):
        return None, None
    try:
        leaf = Certificate.from_pem(domain.certificate)[0]
    except (ValueError, IndexError):
        return "(unreadable)", None
    end = leaf.not_after
    return leaf.subject, None if end is None else f"{end:%Y-%m-%d}"
