"""The engine as Python sees it: threads that carry connections, steered and watched from here.

=====================================  =========================================================
:mod:`~tlsmgm._engine.listener`        what ``TLSManager.listen()`` returns
:mod:`~tlsmgm._engine.engine`          its threads: workers, and the one that attends to them
:mod:`~tlsmgm._engine.options`         what can be chosen about it
:mod:`~tlsmgm._engine.plans`           what holds for new connections, made anew with each reload
:mod:`~tlsmgm._engine.upstreams`       where connections go, and how their names are resolved
:mod:`~tlsmgm._engine.ended`           what remains of a connection
:mod:`~tlsmgm._engine.statistics`      what is counted
:mod:`~tlsmgm._engine.forks`           what a forked process has of all this
=====================================  =========================================================
"""
