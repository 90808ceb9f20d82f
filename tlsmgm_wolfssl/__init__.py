"""The wolfSSL backend of tlsmgm: one extension module, found by its entry point."""
