"""The pure part: facts are folded into a state, and the state says which recordings must be muted.

Nothing here knows asyncio, clocks, chance, logs or the network: time and chance come in as arguments.
Read in this order: model (words), facts (what can be learned), fold (state + fact -> state), coverage (which
section covers which call, and why), reconcile (what is due for a call), notices (what happened, for observers).
"""
