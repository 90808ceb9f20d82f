"""What does TLS where Python's own ``ssl`` is expected: contexts shaped like its, over our libraries."""
