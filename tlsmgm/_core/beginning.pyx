"""A connection from its start to the end of its handshake.

A client connection lives in its context from the start. A server connection first reads the
ClientHello by itself, asks the selector for the context that answers, and only then starts the
library inside it, with all bytes fed again. So every rule is the chosen domain's from the first
byte on, and a hello that nobody answers never reaches a library.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memset

from tlsmgm._core.capi cimport (
    TLSMGM_ALERT_INTERNAL_ERROR,
    TLSMGM_ALERT_RECORD_SIZE,
    TLSMGM_STATUS_OK,
    TLSMGM_STATUS_WANT_READ,
    TLSMGM_STATUS_WANT_WRITE,
    tlsmgm_alert,
    tlsmgm_alert_record,
    tlsmgm_conn,
    tlsmgm_conn_config,
    tlsmgm_error,
    tlsmgm_session,
    tlsmgm_status,
)
from tlsmgm._core.context cimport Context
from tlsmgm._core.negotiated cimport Negotiated
from tlsmgm._core.session cimport Session, wrap_session
from tlsmgm._core.views cimport view_of

from tlsmgm.errors import AlertError, HandshakeError, TruncatedError


cdef class Beginning(Negotiated):
    """The half of a connection that begins it: :class:`Connection` adds the traffic."""

    # --- the library -----------------------------------------------------------------------

    cdef int start(self, bytes verify_name, Session offered) except -1:
        """Describes a client's connection, and starts it."""
        cdef tlsmgm_conn_config config
        memset(&config, 0, sizeof(config))
        config.server_name = view_of(self.name)
        if verify_name is not None:
            config.verify_name = <const char *> verify_name
        if offered is not None and offered.backend is self.chosen.backend:
            config.session = offered.session
        self.checked_name = verify_name
        return self.begin(&config)

    cdef int begin(self, const tlsmgm_conn_config *config) except -1:
        """Starts the library on a client."""
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef tlsmgm_conn *conn = NULL
        self.table = self.chosen.table
        with nogil:
            status = self.table.conn_new(self.chosen.ctx, config, &conn, &error)
        self.conn = conn  # not in there: other threads may look whether there is one
        return self.check(status, &error)

    # --- a server before its context is known ----------------------------------------------

    cdef bint greet(self) except -1:
        """Reads the ClientHello; True once the library has been started."""
        try:
            if not self.greeting.read():
                if self.wire_ended:
                    self.fail(TruncatedError("the peer ended the connection before its hello"))
                return False
        except AlertError as failure:
            self.fail(failure)  # the alert in it is the peer's
        except TruncatedError:
            raise
        except Exception as failure:
            self.belong_to(self.chosen, self.greeting.server_name())  # it stands in logs
            self.refuse(failure, getattr(failure, "alert", None))
        try:
            self.belong_to(self.answering(), self.greeting.server_name())
            self.table = self.chosen.table
            self.conn = self.greeting.start(self.chosen)
        except Exception as failure:
            self.refuse(failure, getattr(failure, "alert", None) or TLSMGM_ALERT_INTERNAL_ERROR)
        except BaseException as cut:  # of a callback: nobody is left to say who answers
            self.latch(HandshakeError(f"the handshake was interrupted by {type(cut).__name__}"))
            raise
        if self.wire_ended:
            self.table.feed_eof(self.conn)
        return True

    cdef Context answering(self):
        """The context that answers the hello, whoever chooses it."""
        if self.chosen is not None:
            return self.chosen
        if self.chooser is None:
            return self.greeting.chosen()
        choose, self.chooser = self.chooser, None
        return <Context?> choose(self.greeting.server_name(), self.greeting.alpn())

    cdef int refuse(self, object failure, object alert) except -1:
        """As fail(), and leaves an alert for the peer, if there is one to send."""
        cdef uint8_t[TLSMGM_ALERT_RECORD_SIZE] record
        self.latch(failure)  # first, for want of memory must not undo it
        if alert is not None:
            tlsmgm_alert_record(<tlsmgm_alert> <int> alert, record)
            self.outgoing = (<const char *> record)[:TLSMGM_ALERT_RECORD_SIZE]
        raise failure

    cdef int fail(self, object failure) except -1:
        """Ends the connection by ourselves, and raises."""
        self.latch(failure)
        raise failure

    cdef void latch(self, object failure) noexcept:
        """From now on each call raises this."""
        self.failure = failure
        self.ended = True
        self.greeting = None

    # --- both sides ------------------------------------------------------------------------

    cdef bint advance(self) except -1:
        """Goes on with the handshake; true once it is complete."""
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if self.conn == NULL and not self.greet():
            return False
        with nogil:
            status = self.table.handshake(self.conn, &error)
        self.reclaim()
        self.handshake_complete = self.settle(status, &error) == TLSMGM_STATUS_OK
        self.keep_session()
        return self.handshake_complete

    cdef int settle(self, tlsmgm_status status, const tlsmgm_error *error) except -1:
        """As check(), and remembers that nothing comes after this status."""
        if status not in (TLSMGM_STATUS_OK, TLSMGM_STATUS_WANT_READ, TLSMGM_STATUS_WANT_WRITE):
            self.ended = True
            if self.keeper is not None and not self.handshake_complete:
                self.keeper.give_up()
                self.keeper = None
        return self.check(status, error)

    cdef int keep_session(self) except -1:
        """Hands on the session as soon as there is one; in TLS 1.3 it comes with the data."""
        cdef tlsmgm_session *session = NULL
        if self.keeper is None or not self.handshake_complete:
            return 0
        if self.table.conn_session(self.conn, &session, NULL) != TLSMGM_STATUS_OK or session == NULL:
            return 0  # without memory there is no session, which is no reason to fail
        keeper = self.keeper
        self.keeper = None
        keeper.keep(wrap_session(self.chosen.backend, session), self.version_in_use())
        return 0

    cdef void reclaim(self) noexcept:
        """Lets go of what was lent. What is left of it gets copied; without memory for that the
        connection fails, and says so at the next call."""
        if self.lent is not None or self.greeting is not None:
            self.table.reclaim_input(self.conn, NULL)
            self.lent = None
            self.greeting = None
