"""awscrt (s2n-tls), which speaks HTTP, and is a client only; see ../README.md."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import common
from awscrt import http, io


def options() -> Any:
    if common.CERT is None:
        found = io.TlsContextOptions()
    else:
        found = io.TlsContextOptions.create_client_with_mtls_from_path(common.CERT, common.KEY)
    found.min_tls_ver = io.TlsVersion.TLSv1_3 if common.VERSION == "1.3" else io.TlsVersion.TLSv1_2
    found.override_default_trust_store_from_path(ca_filepath=common.CA)
    return found


def connect(context: Any) -> Any:
    ours = context.new_connection_options()
    ours.set_server_name("localhost")
    future = http.HttpClientConnection.new("127.0.0.1", common.PORT, tls_connection_options=ours)
    return future.result(30)


def exchange(connection: Any) -> None:
    head, _, body = common.request().partition(b"\r\n\r\n")
    headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")[1:]]
    request = http.HttpRequest("POST", "/", http.HttpHeaders(headers), BytesIO(body))
    answer = bytearray()
    stream = connection.request(
        request, on_body=lambda http_stream, chunk, **_: answer.extend(chunk)
    )
    stream.activate()
    stream.completion_future.result(30)
    common.keep(b"\r\n\r\n" + bytes(answer))


def client() -> None:
    context = io.ClientTlsContext(options())
    for _ in range(common.TIMES):
        connection = connect(context)
        exchange(connection)
        if common.until_trailer():
            common.say("end", "ours")
        else:
            connection.shutdown_future.result(30)
            common.say("end", "end")
        connection.close().result(30)


common.main(client, None)
