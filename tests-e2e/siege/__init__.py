"""Attacks on a running server beside an honest caller. `cargo xtask siege` runs them at length, attacks/test_siege.py runs their short forms.

Each attack gives an Outcome: what the attacker sent, what the honest caller got, the most memory of the server, the rows that it wrote.
"""
