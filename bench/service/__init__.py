"""The daemon beside its peers, all through sockets: compare.py runs it, and scripts/bench.sh service before it what it needs."""
