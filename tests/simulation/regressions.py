"""Stories that once found something, each kept with what it found: they are told again in every run of the tests."""

FOUND = {
    11: "the feed went on for ever when it was cancelled in the moment in which its connection broke: a process that"
    " had stood still, and lost the account meanwhile, never ended",
    1088: "a mute by extension for one call's sake reached a call that was not seen yet, which was then taken for"
    " muted by somebody else and never opened",
    795537348: "a call that had ended was opened by extension, and with it a covered one there that the feed had not"
    " told of yet",
}
"""Seed -> what it found. The stories of seeds change with the simulation: what was found has a test of its own."""
