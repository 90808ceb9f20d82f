import datetime

def staple_times(
    response: bytes, certificate: bytes
) -> tuple[datetime.datetime | None, datetime.datetime | None]: ...
