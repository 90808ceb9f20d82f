"""What does TLS where Python's own ``ssl`` is expected: its shapes, over our libraries."""
