"""Programs that workloads start as processes of their own, so that nobody's memory is mixed up."""
