"""What the unit of packaging/systemd leaves a process of: system calls, address families, namespaces, capabilities. No systemd is needed for it."""

import ctypes
import re
import subprocess

ALLOW, ERRNO = 0x7FFF0000, 0x00050000  # of seccomp(2), as the next two
EQUAL, MASKED_EQUAL = 4, 7
EPERM, ENOSYS = 1, 38
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
NAMESPACES = 0x7E020000  # all flags CLONE_NEW...
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
LAST_CAPABILITY = 40


class Condition(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("comparison", ctypes.c_int), ("first", ctypes.c_uint64), ("second", ctypes.c_uint64)]


def settings_of(unit):
    """The last value of each setting."""
    return dict(re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE))


def calls_of(wanted):
    """The names in a set of system calls, as this machine's systemd knows it."""
    told = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], check=True, capture_output=True, text=True).stdout
    sets = {name: re.findall(r"^    ([@\w-]+)$", members, re.MULTILINE)
            for name, members in re.findall(r"^(@[\w-]+)\n((?:    .*\n)+)", re.sub("\x1b\\[[0-9;]*m", "", told), re.MULTILINE)}

    def expand(name):
        for member in sets[name]:
            yield from expand(member) if member.startswith("@") else (member,)
    return set(expand(wanted))


class Sandbox:
    """Made in the parent; `enter` is for a child between fork and exec, and holds for what that starts."""

    def __init__(self, unit):
        settings = settings_of(unit)
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._library.seccomp_load.argtypes = (ctypes.c_void_p,)
        self._library.seccomp_rule_add_array.argtypes = (
            ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Condition))
        self._libc = ctypes.CDLL(None)
        numbers = {name: self._library.seccomp_syscall_resolve_name(name.encode()) for name in calls_of(settings["SystemCallFilter"])}
        self._calls = {name: number for name, number in numbers.items() if number != -1}  # others are newer than the library
        self._families = [FAMILIES[each] for each in settings["RestrictAddressFamilies"].split()]
        if settings["RestrictNamespaces"] != "yes" or settings["CapabilityBoundingSet"] != "":
            raise ValueError("the unit allows more than this sandbox does")

    def enter(self):
        for capability in range(LAST_CAPABILITY + 1):
            self._libc.prctl(PR_CAPBSET_DROP, capability)
        self._libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        self._filter = self._library.seccomp_init(ERRNO | EPERM)
        for name, number in self._calls.items():
            if name == "socket":
                for family in self._families:
                    self._add(ALLOW, number, Condition(0, EQUAL, family, 0))
            elif name == "clone":
                self._add(ALLOW, number, Condition(0, MASKED_EQUAL, NAMESPACES, 0))
            elif name == "clone3":  # its flags cannot be seen, so that systemd makes programs call clone
                self._add(ERRNO | ENOSYS, number)
            else:
                self._add(ALLOW, number)
        if self._library.seccomp_load(self._filter) != 0:
            raise OSError("the filter was refused")

    def _add(self, action, number, *conditions):
        self._library.seccomp_rule_add_array(self._filter, action, number, len(conditions), (Condition * len(conditions))(*conditions))
