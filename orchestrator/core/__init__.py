"""The pure part: facts are folded into a state, and the state says which recordings must be muted.

Nothing here knows asyncio, clocks, chance, logs or the network: time and chance come in as arguments.
Read in this order: model (words), facts (what can be learned), fold (state + fact -> state), sections and coverage
(which section covers which call, and why), mutes (the claims), evidence (what is seen, against what was confirmed),
polls (what is worth looking at), blind (muting by extension), circuit (the API as a whole), reconcile (what is due),
notices (what happened, for observers).
"""
