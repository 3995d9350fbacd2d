"""Stories that once found something, each kept with what it found: they are told again in every run of the tests."""

FOUND = {
    11: "the feed went on for ever when it was cancelled in the moment in which its connection broke: a process that"
    " had stood still, and lost the account meanwhile, never ended",
    1088: "a mute by extension for one call's sake reached a call that was not seen yet, which was then taken for"
    " muted by somebody else and never opened",
    795537348: "a call that had ended was opened by extension, and with it a covered one there that the feed had not"
    " told of yet",
    20002778: "a mute by extension that was refused counted as one that may have been applied, so a call that"
    " somebody else had muted was opened when it left",
    40000188: "a redialled call that the API did not know between two legs came back with our mute on it, which was"
    " taken for somebody else's and never opened",
    41000138: "a covered call had moved, unseen, to an extension that was opened as a whole: it stayed open until the"
    " next poll",
    41000539: "a call that rang, by an event that lagged, and was shown muted as it was now, was taken for muted by"
    " somebody else although its extension had been muted as a whole",
    41000575: "a lost request to open was forgotten when its call had no section any more, and undid the mute of the"
    " next",
}
"""Seed -> what it found. The stories of seeds change with the simulation: what was found has a test of its own."""
