"""The trivial function, in a worker of the package."""

from gatherd import function, run


@function
def add_one(number):
    return number + 1


run()
