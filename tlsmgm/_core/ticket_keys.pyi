from _typeshed import ReadableBuffer

KEY_SIZE: int

class TicketKeys:
    def __init__(self, material: ReadableBuffer | None = None) -> None: ...
    def rotate(self, material: ReadableBuffer | None = None) -> None: ...
