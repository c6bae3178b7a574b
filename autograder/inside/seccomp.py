"""A system-call filter built with libseccomp, through ctypes because its binding is not on PyPI.

Built in the zygote once, loaded in every kernel; that needs no privilege once no_new_privs is set.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import socket

ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM
NO_SUCH_CALL = 0x00050000 | errno.ENOSYS
NO_FAMILY = 0x00050000 | errno.EAFNOSUPPORT
NOT_SUPPORTED = 0x00050000 | errno.EOPNOTSUPP
NETLINK = 16

NOT_EQUAL, GREATER_OR_EQUAL, MASKED_EQUAL = 1, 5, 7
LOW_32_BITS = 0xFFFFFFFF

REFUSED_CALLS = {
    "other processes": "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp perf_event_open",
    "mounts and roots": "mount umount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount "
    "open_tree open_tree_attr mount_setattr name_to_handle_at open_by_handle_at swapon swapoff quotactl",
    "namespaces, and keyrings, which outlive the process": "setns unshare keyctl add_key request_key",
    "what no homework needs": "bpf userfaultfd io_uring_setup io_uring_enter io_uring_register fanotify_init "
    "vmsplice init_module finit_module delete_module kexec_load kexec_file_load reboot acct syslog iopl "
    "ioperm modify_ldt settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname",
    "memory of no process and no tmpfs": "memfd_secret shmget semget msgget mq_open",
}
"""What is refused and why; the last kind because no limit would count it."""

CALLS_WITHOUT_NAMESPACES = {
    "sockets, which nothing else confines": "connect bind",
    "other processes": "ioprio_set migrate_pages move_pages process_mrelease",
    "memory and messages that outlive it": "shmat shmctl semctl semop semtimedop msgctl msgsnd msgrcv mq_unlink",
    "what becomes of the host's files": "inotify_add_watch",
}
"""What is refused besides where no namespace hides the host; a process that is handed open sockets needs none of it."""

CALLS_ON_OTHERS = {"prlimit64": 0, "sched_setscheduler": 0, "sched_setparam": 0, "sched_setattr": 0}
CALLS_ON_OTHERS |= {"sched_setaffinity": 0, "setpriority": 1}
"""Call -> which argument names the process, and must be 0 for itself. Linux compares only users there."""

FAKED_CALLS = "chmod fchmod fchmodat chown fchown lchown fchownat utime utimes utimensat futimesat"
ATTRIBUTE_CALLS = "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr"
NEW_FAKED_CALLS, NEW_ATTRIBUTE_CALLS = (452,), (463, 466, 469)
"""fchmodat2; setxattrat, removexattrat, file_setattr: newer than some libseccomp, with one number everywhere."""
PRETEND = 0x00050000
"""The call does nothing and reports success: programs that copy files set modes and times, and end when they cannot."""

NAMESPACE_FLAGS = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""

SOCKET_FAMILIES = frozenset((0, socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, NETLINK))
"""Unspecified, local, the two internet ones and netlink: a network namespace confines these, unlike vsock."""

MFD_NOEXEC_SEAL = 0x8
"""Memory files that no program can be started from."""

TIOCSTI, TIOCLINUX = 0x5412, 0x541C
SET_FLAGS, SET_ATTRIBUTES = 0x40086602, 0x401C5820


class Comparison(ctypes.Structure):
    """libseccomp's ``scmp_arg_cmp``: which argument, how it is compared, with what."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class Filter:
    """A filter that refuses what is added to it and allows the rest, on the native ABI only."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        library.seccomp_init.restype = ctypes.c_void_p
        context = library.seccomp_init(ctypes.c_uint32(ALLOW))
        if not context:
            raise OSError("libseccomp could not start a filter")
        self._context = ctypes.c_void_p(context)

    def refuse(self, call: str, *comparisons: Comparison, action: int = REFUSE) -> None:
        """Refuse a call when all comparisons hold; a call that this architecture lacks is skipped."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            self.refuse_number(number, *comparisons, action=action)

    def refuse_number(self, number: int, *comparisons: Comparison, action: int = REFUSE) -> None:
        """The same by the call's number, for calls that libseccomp may not know by name."""
        array = (Comparison * len(comparisons))(*comparisons)
        failed = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(comparisons), array
        )
        if failed:
            raise OSError(-failed, f"libseccomp refused the rule for call {number}")

    def load(self) -> None:
        """Apply the filter to this process and all that it starts, for good; raises OSError."""
        failed = self._library.seccomp_load(self._context)
        if failed:
            raise OSError(-failed, "Linux refused the filter")


@dataclasses.dataclass(frozen=True)
class Filters:
    """One filter for each place that a kernel may live in."""

    namespaces: Filter
    """Where namespaces enclose it."""
    users: Filter
    """Where it has only a user of its own, and Landlock."""
    alone: Filter
    """Where it has only Landlock, and the operator's own user."""


def build(*, gpu: bool = False) -> Filters | str:
    """The filters, or the reason why there are none (libseccomp is not installed).

    With a graphics card, memory files are allowed, which its driver needs; such as nothing can be started from.
    """
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return "libseccomp.so.2 is not installed"
    filters = Filters(*(_common(library, gpu) for _ in range(3)))
    for rules in (filters.users, filters.alone):
        _refuse_all_sockets(rules)
        _refuse_reaching_others(rules)
    _refuse_families(filters.namespaces)
    _pretend_to_change_modes(filters.alone)
    return filters


def chosen_filter(rules: Filters | str, place: str) -> Filter | str:
    """The filter for that place, or why there is none."""
    if isinstance(rules, str):
        return rules
    chosen: Filter = getattr(rules, place)
    return chosen


def _common(library: ctypes.CDLL, gpu: bool) -> Filter:
    rules = Filter(library)
    for call in " ".join(REFUSED_CALLS.values()).split():
        rules.refuse(call)
    rules.refuse("memfd_create", *([Comparison(1, MASKED_EQUAL, MFD_NOEXEC_SEAL, 0)] if gpu else ()))
    _refuse_namespaces(rules)
    _refuse_typing_into_terminals(rules)
    return rules


def _refuse_all_sockets(rules: Filter) -> None:
    # Landlock confines neither UDP nor a local socket that has a path.
    rules.refuse("socket", Comparison(0, NOT_EQUAL, NETLINK, 0), action=NO_FAMILY)
    # ZeroMQ takes this answer for a machine without network interfaces, and ends the process at any other.
    rules.refuse("socket", Comparison(0, MASKED_EQUAL, LOW_32_BITS, NETLINK), action=NOT_SUPPORTED)
    # A pair of another kind can be sent from to any address.
    for kind in set(range(16)) - {socket.SOCK_STREAM, socket.SOCK_SEQPACKET}:
        rules.refuse("socketpair", Comparison(1, MASKED_EQUAL, 15, kind), action=NO_FAMILY)
    rules.refuse("socketpair", Comparison(0, NOT_EQUAL, socket.AF_UNIX, 0), action=NO_FAMILY)


def _refuse_reaching_others(rules: Filter) -> None:
    for call in " ".join(CALLS_WITHOUT_NAMESPACES.values()).split():
        rules.refuse(call)
    for call, argument in CALLS_ON_OTHERS.items():
        # ZeroMQ calls these for its threads, by their numbers, and ends the process at any error.
        action = PRETEND if call.startswith("sched_") else REFUSE
        rules.refuse(call, Comparison(argument, NOT_EQUAL, 0, 0), action=action)
    rules.refuse("setpriority", Comparison(0, NOT_EQUAL, 0, 0))


def _pretend_to_change_modes(rules: Filter) -> None:
    # SECURITY: Landlock does not confine modes, owners and times, and the operator's files are the student's here.
    for call in FAKED_CALLS.split():
        rules.refuse(call, action=PRETEND)
    for number in NEW_FAKED_CALLS:
        rules.refuse_number(number, action=PRETEND)
    for call in ATTRIBUTE_CALLS.split():
        rules.refuse(call)
    for number in NEW_ATTRIBUTE_CALLS:
        rules.refuse_number(number)
    for request in (SET_FLAGS, SET_ATTRIBUTES):
        rules.refuse("ioctl", Comparison(1, MASKED_EQUAL, LOW_32_BITS, request))


def _refuse_namespaces(rules: Filter) -> None:
    for flag in NAMESPACE_FLAGS:
        rules.refuse("clone", Comparison(0, MASKED_EQUAL, flag, flag))
    # Its flags are behind a pointer, which a filter cannot follow; libc falls back to clone.
    rules.refuse("clone3", action=NO_SUCH_CALL)


def _refuse_families(rules: Filter) -> None:
    highest = max(SOCKET_FAMILIES)
    # Linux looks at 32 bits of the family and the filter at 64, so equality needs the mask.
    for call in ("socket", "socketpair"):
        rules.refuse(call, Comparison(0, GREATER_OR_EQUAL, highest + 1, 0), action=NO_FAMILY)
        for family in set(range(highest)) - SOCKET_FAMILIES:
            rules.refuse(call, Comparison(0, MASKED_EQUAL, LOW_32_BITS, family), action=NO_FAMILY)


def _refuse_typing_into_terminals(rules: Filter) -> None:
    for request in (TIOCSTI, TIOCLINUX):
        rules.refuse("ioctl", Comparison(1, MASKED_EQUAL, LOW_32_BITS, request))
