%% Erlang's ssl; see ../README.md for what it is told. usage: escript erlang_peer.erl client|server
-mode(compile).

main([Role]) ->
    logger:set_primary_config(level, none),
    {ok, _} = application:ensure_all_started(ssl),
    case Role of
        "client" -> client(list_to_integer(os:getenv("TLS_TIMES", "1")));
        "server" -> server()
    end.

say(Kind, What) ->
    Text = case io_lib:printable_unicode_list(What) of
        true -> What;
        false -> io_lib:format("~0p", [What])
    end,
    io:format("~s: ~s~n", [Kind, Text]).

trailer() -> <<"interop-end\n">>.

ends_with_trailer(Data) ->
    Size = byte_size(Data) - byte_size(trailer()),
    Size >= 0 andalso binary:part(Data, Size, byte_size(trailer())) =:= trailer().

options() ->
    Version = case os:getenv("TLS_VERSION") of "1.3" -> 'tlsv1.3'; _ -> 'tlsv1.2' end,
    Certificate = case os:getenv("TLS_CERT") of
        false -> [];
        Cert -> [{certfile, Cert}, {keyfile, os:getenv("TLS_KEY")}]
    end,
    CA = case os:getenv("TLS_CA") of false -> []; File -> [{cacertfile, File}] end,
    [{versions, [Version]}, binary, {active, false}] ++ Certificate ++ CA.

port() -> list_to_integer(os:getenv("TLS_PORT")).

client(0) -> ok;
client(Times) ->
    Tickets = case os:getenv("TLS_VERSION") of
        "1.3" -> [{session_tickets, auto}];
        _ -> [{reuse_sessions, save}]
    end,
    Options = options() ++ Tickets ++ [{verify, verify_peer}, {server_name_indication, "localhost"}],
    case ssl:connect({127, 0, 0, 1}, port(), Options, 10000) of
        {ok, Socket} ->
            {ok, Request} = file:read_file(os:getenv("TLS_REQUEST")),
            ok = ssl:send(Socket, Request),
            UntilTrailer = os:getenv("TLS_UNTIL") =:= "trailer",
            {Answer, End} = receive_all(Socket, <<>>, UntilTrailer),
            ok = file:write_file(os:getenv("TLS_ANSWER"), Answer),
            case End of
                ours -> ssl:close(Socket), say("end", "ours");
                {error, closed} when Answer =/= <<>> -> say("end", "{error,closed}");
                {error, closed} -> say("error", "{error,closed}");
                _ -> say("error", End)
            end,
            client(Times - 1);
        {error, Reason} ->
            say("error", Reason)
    end.

receive_all(Socket, Got, UntilTrailer) ->
    case UntilTrailer andalso ends_with_trailer(Got) of
        true -> {Got, ours};
        false ->
            case ssl:recv(Socket, 0, 8000) of
                {ok, Data} -> receive_all(Socket, <<Got/binary, Data/binary>>, UntilTrailer);
                Other -> {Got, Other}
            end
    end.

server() ->
    Client = case os:getenv("TLS_CA") of
        false -> [];
        _ -> [{verify, verify_peer}, {fail_if_no_peer_cert, true}]
    end,
    Options = options() ++ Client ++ [{reuseaddr, true}, {ip, {127, 0, 0, 1}}],
    {ok, Listener} = ssl:listen(port(), Options),
    accept(Listener).

accept(Listener) ->
    {ok, Plain} = ssl:transport_accept(Listener),
    case ssl:handshake(Plain, 10000) of
        {ok, Socket} -> echo(Socket, <<>>);
        {error, Reason} -> say("error", Reason)
    end,
    accept(Listener).

echo(Socket, Got) ->
    case ends_with_trailer(Got) of
        true -> ssl:send(Socket, Got), ssl:close(Socket);
        false ->
            case ssl:recv(Socket, 0, 8000) of
                {ok, Data} -> echo(Socket, <<Got/binary, Data/binary>>);
                {error, Reason} -> say("error", Reason), ssl:close(Socket)
            end
    end.
