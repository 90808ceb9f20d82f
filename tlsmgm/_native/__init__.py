"""From a domain to a context of a TLS library, and what lives in one."""
