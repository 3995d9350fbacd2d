"""Exit codes, for scripts and service managers."""

OK, FAILED, BAD_USAGE, EXPOSED, NOT_WHOLE = 0, 1, 2, 3, 4
BAD_CONFIG = 78  # EX_CONFIG of sysexits.h
INTERRUPTED = 130  # by Ctrl-C, as shells have it
