"""JSON-RPC alone: what the specification says, and what no client should send."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.management import run
from tlsmgm.mi._jsonrpc import (
    MAX_BATCH,
    MAX_DEPTH,
    MAX_REQUEST,
    REPLY_TOO_LARGE,
    Dispatcher,
    Params,
    RPCError,
)

PARSE_ERROR, INVALID_REQUEST, NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, INTERNAL = -32602, -32603


async def echo(params: Params) -> object:
    return params


async def refuse(_: Params) -> object:
    raise RPCError(500, "No", {"why": "because"})


async def crash(_: Params) -> object:
    raise ZeroDivisionError("a secret detail")


async def nonsense(_: Params) -> object:
    return {1, 2}


async def endless(_: Params) -> object:
    return float("inf")


HANDLERS = {
    "echo": echo,
    "refuse": refuse,
    "crash": crash,
    "nonsense": nonsense,
    "endless": endless,
}


def ask(data: bytes | str, max_reply: int | None = None) -> Any:
    """The reply, decoded; None for none."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    reply = run(Dispatcher(HANDLERS).reply(raw, max_reply))
    if reply is None:
        return None
    assert reply.splitlines() == [reply]
    return json.loads(reply.decode("ascii"))


def code_of(data: bytes | str) -> int:
    reply = ask(data)
    assert set(reply) == {"jsonrpc", "error", "id"}
    assert reply["jsonrpc"] == "2.0"
    assert isinstance(reply["error"]["message"], str)
    return int(reply["error"]["code"])


@pytest.mark.parametrize("request_id", ["7969", "", 'a "b"\n\u2028é😀', 0, -5, 2**80, 1.5, None])
def test_the_id_comes_back(request_id: object) -> None:
    data = json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "echo", "params": [1]})
    assert ask(data) == {"jsonrpc": "2.0", "result": [1], "id": request_id}


def test_a_lone_surrogate_comes_back() -> None:
    assert ask(r'{"jsonrpc":"2.0","id":"\ud800","method":"echo"}')["id"] == "\ud800"


@pytest.mark.parametrize("params", [{}, [], {"a": [1, {"b": None}]}, ["x", 2.5]])
def test_params(params: object) -> None:
    data = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "echo", "params": params})
    assert ask(data)["result"] == params


def test_missing_params_are_an_empty_object() -> None:
    assert ask('{"jsonrpc":"2.0","id":1,"method":"echo"}')["result"] == {}


@pytest.mark.parametrize("params", ["null", '"x"', "5", "true"])
def test_params_of_another_type(params: str) -> None:
    data = f'{{"jsonrpc":"2.0","id":1,"method":"echo","params":{params}}}'
    assert code_of(data) == INVALID_PARAMS


@pytest.mark.parametrize(
    "data",
    [
        "", " ", "{", "nothing", '{"a":1} {"b":2}', "[1,", '{"id":NaN}', '{"id":Infinity}',
        '{"id":-Infinity}', '{"id":1e999}', "[1e400]", '{"id":1,"id":2}',
        '{"params":{"a":1,"a":1}}', "{'id':1}", "\ufeff{}", '"\x01"', '"\n"',
        "1" * 5000, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
        "[" * 60_000, '{"a":' * 10_000, '[{"a":' * 8000,
    ],
)  # fmt: skip
def test_parse_errors(data: str) -> None:
    assert code_of(data) == PARSE_ERROR


@pytest.mark.parametrize("data", [b"\xff", b'{"id":"\xc3"}', b"\x00", b'"\xed\xa0\x80"', b"\xfe{}"])
def test_what_is_not_utf8(data: bytes) -> None:
    assert code_of(data) == PARSE_ERROR


def test_brackets_in_strings_are_not_deep() -> None:
    text = '{"jsonrpc":"2.0","id":1,"method":"echo","params":["%s"]}'
    deep = r"\"[[" * 500
    assert ask(text % deep)["result"] == ['"[[' * 500]


def test_the_greatest_depth() -> None:
    inner = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert "result" in ask(f'{{"jsonrpc":"2.0","id":1,"method":"echo","params":{inner}}}')
    assert code_of(f'{{"jsonrpc":"2.0","id":1,"method":"echo","params":[{inner}]}}') == PARSE_ERROR


@pytest.mark.parametrize("text", ['"' + r"\"" * 32_000, "\\" * 65_000, '"' * 65_000])
def test_hostile_strings_are_quickly_refused(text: str) -> None:
    assert code_of(text) == PARSE_ERROR


def test_the_largest_request() -> None:
    head = '{"jsonrpc":"2.0","id":1,"method":"echo"}'
    assert "result" in ask(head.ljust(MAX_REQUEST))
    reply = ask(head.ljust(MAX_REQUEST + 1))
    assert reply["error"]["code"] == INVALID_REQUEST
    assert str(MAX_REQUEST) in reply["error"]["message"]
    assert reply["id"] is None


@pytest.mark.parametrize(
    "data",
    [
        "5", '"x"', "null", "true", "{}", '{"id":1}', '{"id":1,"method":"echo"}',
        '{"jsonrpc":"1.0","id":1,"method":"echo"}', '{"jsonrpc":2.0,"id":1,"method":"echo"}',
        '{"jsonrpc":"2.0","id":1,"method":5}', '{"jsonrpc":"2.0","id":1,"method":null}',
        '{"jsonrpc":"2.0","id":true,"method":"echo"}', '{"jsonrpc":"2.0","id":[],"method":"echo"}',
        '{"jsonrpc":"2.0","id":{},"method":"echo"}', "[]",
    ],
)  # fmt: skip
def test_invalid_requests(data: str) -> None:
    assert code_of(data) == INVALID_REQUEST


def test_the_id_of_an_invalid_request_comes_back_if_it_is_one() -> None:
    assert ask('{"jsonrpc":"2.0","id":"7","method":5}')["id"] == "7"
    assert ask('{"jsonrpc":"2.0","id":{},"method":"echo"}')["id"] is None


def test_unknown_method() -> None:
    reply = ask('{"jsonrpc":"2.0","id":"7","method":"no_such"}')
    assert reply == {
        "jsonrpc": "2.0",
        "error": {"code": NOT_FOUND, "message": "Method not found"},
        "id": "7",
    }


def test_errors_of_a_handler() -> None:
    reply = ask('{"jsonrpc":"2.0","id":1,"method":"refuse"}')
    assert reply["error"] == {"code": 500, "message": "No", "data": {"why": "because"}}


@pytest.mark.parametrize("method", ["crash", "nonsense", "endless"])
def test_a_handler_that_fails_tells_only_the_log(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    reply = ask(f'{{"jsonrpc":"2.0","id":1,"method":"{method}"}}')
    assert reply["error"] == {"code": INTERNAL, "message": "Internal error"}
    assert caplog.records[0].levelno == logging.ERROR
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("method", ["echo", "refuse", "no_such", "crash"])
def test_notifications_get_no_reply(method: str) -> None:
    assert ask(f'{{"jsonrpc":"2.0","method":"{method}"}}') is None
    assert ask(f'[{{"jsonrpc":"2.0","method":"{method}"}}]') is None


@pytest.mark.parametrize("data", ['{"id":1,"result":5}', '{"error":{"code":1},"id":null}'])
def test_replies_get_no_reply(data: str) -> None:
    assert ask(data) is None
    assert ask(f"[{data}]") is None


def test_an_error_of_ours_is_answered_by_silence() -> None:
    reply = run(Dispatcher(HANDLERS).reply(b"garbage"))
    assert reply is not None
    assert run(Dispatcher(HANDLERS).reply(reply)) is None


def test_batch() -> None:
    one = '{"jsonrpc":"2.0","id":1,"method":"echo"}'
    note = '{"jsonrpc":"2.0","method":"echo"}'
    replies = ask(f'[{one},{note},5,{{"jsonrpc":"2.0","id":2,"method":"no"}},[]]')
    assert [reply["id"] for reply in replies] == [1, None, 2, None]
    codes = [reply.get("error", {}).get("code") for reply in replies]
    assert codes == [None, INVALID_REQUEST, NOT_FOUND, INVALID_REQUEST]


def test_batches_are_bounded() -> None:
    one = '{"jsonrpc":"2.0","id":1,"method":"echo"}'
    assert len(ask(f"[{','.join([one] * MAX_BATCH)}]")) == MAX_BATCH
    assert code_of(f"[{','.join([one] * (MAX_BATCH + 1))}]") == INVALID_REQUEST


def test_a_reply_that_is_too_large_is_an_error_with_the_same_id() -> None:
    data = json.dumps({"jsonrpc": "2.0", "id": "x", "method": "echo", "params": ["y" * 500]})
    size = len(json.dumps(ask(data)))
    assert "result" in ask(data, max_reply=size)
    reply = ask(data, max_reply=size - 1)
    assert reply["id"] == "x"
    assert reply["error"]["code"] == -32000
    assert f"{size} bytes" in reply["error"]["message"]


# A busy machine is no failure.
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON_VALUES,
        "id": JSON_VALUES,
        "method": st.sampled_from(sorted(HANDLERS)) | JSON_VALUES,
        "params": JSON_VALUES,
    },
)


@QUIET
@given(st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_nothing_makes_it_fail(data: bytes) -> None:
    ask(data)


@QUIET
@given(MEMBERS, st.integers(0, 400), st.binary(max_size=3))
def test_no_request_makes_it_fail(message: dict[str, Any], at: int, change: bytes) -> None:
    data = json.dumps(message).encode()
    ask(data)
    ask(data[:at] + change + data[at + len(change) :])
    ask(json.dumps([message, message]).encode())


def test_a_batch_ends_where_its_reply_is_too_large() -> None:
    called: list[object] = []

    async def handler(params: Any) -> object:
        called.append(params)
        return "x" * 100

    batch = [{"jsonrpc": "2.0", "id": number, "method": "m"} for number in range(10)]
    reply = run(Dispatcher({"m": handler}).reply(json.dumps(batch).encode(), 350))
    assert reply is not None
    assert json.loads(reply)["error"]["code"] == REPLY_TOO_LARGE
    assert len(called) == 3
