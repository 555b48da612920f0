"""The executor's policy of stealing and waking, simulated event by event: pool.py says what is modelled and what is not."""
