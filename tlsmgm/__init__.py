"""TLS domain management over OpenSSL and wolfSSL."""
