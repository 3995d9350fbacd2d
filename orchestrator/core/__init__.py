"""The pure part: facts are folded into a state, and the state says which recordings must be muted.

Nothing here knows asyncio, clocks, chance, logs or the network: time and chance come in as arguments.
docs/architecture.md says what each module is, in the order of reading.
"""
