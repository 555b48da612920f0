"""The steal and wake policy of executor/ simulated, event by event: see pool.py for what is modelled and what is not."""
