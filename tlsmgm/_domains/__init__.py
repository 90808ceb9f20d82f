"""TLS domains: values and rules in plain Python."""
