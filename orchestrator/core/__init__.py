"""The pure part: facts are folded into a state, and the state says which recordings must be muted.

Nothing here knows asyncio, clocks, chance, logs or the network: time and chance come in as arguments.
Read in this order: model (words), facts (what can be learned), fold (state + fact -> state), sight (what is seen of
an extension), coverage (which section covers which call, and why), mutes (the claims), evidence (what is seen of
them), polls and blind (with little sight, and with none), reconcile (what is due), notices (for observers).
"""
