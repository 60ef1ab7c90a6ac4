"""A PBX that is none: it keeps queues, members and calls, and speaks the manager interface as an Asterisk 22 does.

For the demo, for benchmarks and for tests that need no real one. `pbx` and the calls are pure (time, chance and the
place where events go are arguments); `server` speaks TCP; `traffic` calls in.
"""
