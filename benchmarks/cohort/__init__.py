"""Who is compared: one small file for each way of serving TLS.

In memory (:mod:`~benchmarks.cohort.memory`) an entrant is driven through bytes; over loopback
(:mod:`~benchmarks.cohort.loopback`) it is a program in front of a plain upstream.  All are in
:mod:`~benchmarks.cohort.members`.
"""
