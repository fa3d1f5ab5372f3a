"""The simulator: the real commands and the real embedded org in one process, over a wire, a disk and a clock that obey a seed.

Nothing here waits, listens or forks. A crash is an exception that nothing may catch, after which the wire and the disk are dead
until the machine is started again; what was not synced may be gone then. The org's row ledger is the judge.
"""
