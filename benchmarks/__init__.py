"""Benchmarks: what tlsmgm costs beside Python's own ssl module. See README.md for the method."""
