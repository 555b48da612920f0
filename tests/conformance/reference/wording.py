"""Texts of which the protocol promises only that they are there."""


class Wording(str):
    """What a function says of wrong arguments; or the path of a CancelledError, where it could be that of the node that was
    cancelled or that of the one that awaited it, with the items of maps around that."""


def has_wording(value):
    if isinstance(value, dict):
        return any(map(has_wording, value.values()))
    return any(map(has_wording, value)) if isinstance(value, (list, tuple)) else isinstance(value, Wording)
