"""Runs a program as docs/systemd/chancery-agent.service, or the unit that $CHANCERY_UNIT names, would have it run, without
systemd: confined.py UID HOME DROP_IN PROGRAM ...

DROP_IN is one of docs/systemd/chancery-agent.service.d, or "-". Of it count the groups, the folders that may be written to, and
the IPC namespace.

Needs root, `systemd-analyze syscall-filter` for the names of system calls, and libseccomp. What stays out: cgroups (devices,
memory, tasks), which only a service manager sets up.
"""

import ctypes
import ctypes.util
import errno
import grp
import os
import pathlib
import resource
import socket
import subprocess
import sys

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWNET = 0x00020000, 0x08000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_READ = 24, 38, 23
SCMP_ACT_ALLOW, SCMP_CMP_NE, SCMP_CMP_MASKED_EQ, PROT_EXEC = 0x7FFF0000, 1, 7, 4
UNIT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "systemd" / os.environ.get("CHANCERY_UNIT", "chancery-agent.service")
HAS_NETWORK = "PrivateNetwork=yes" not in UNIT.read_text().splitlines()

libc = ctypes.CDLL(None, use_errno=True)


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind, flags, options=None):
    check(libc.mount(source and source.encode(), target.encode(), kind and kind.encode(), flags,
                     options and options.encode()), f"mount {target}")


def call_names(group):
    """The system calls of one of systemd's groups, and of the groups in it."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], capture_output=True, text=True, check=True)
    names = set()
    for line in done.stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            names |= call_names(word)
        elif word and not word.startswith("#"):
            names.add(word)
    return names


def allowed_calls():
    """What the SystemCallFilter= lines of the unit come to."""
    allowed = set()
    for line in UNIT.read_text().splitlines():
        if not line.startswith("SystemCallFilter="):
            continue
        value = line.split("=", 1)[1]
        names = set()
        for word in value.lstrip("~").split():
            names |= call_names(word) if word.startswith("@") else {word}
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed | call_names("@default")


def read_drop_in(name):
    """Its settings, each as a list of words."""
    found = {}
    for line in (UNIT.with_name(UNIT.name + ".d") / name).read_text().splitlines() if name != "-" else []:
        setting, is_one, value = line.partition("=")
        if is_one and not line.startswith("#"):
            found.setdefault(setting, []).extend(value.split())
    return found


def make_namespaces(writable, is_ipc_private):
    own = (0 if HAS_NETWORK else CLONE_NEWNET) | (CLONE_NEWIPC if is_ipc_private else 0)
    check(libc.unshare(CLONE_NEWNS | own), "unshare")
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    for folder in writable:
        mount(folder, folder, None, MS_BIND)
    mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV, "hidepid=invisible,subset=pid")


def filter_calls(names):
    lib = ctypes.CDLL(ctypes.util.find_library("seccomp") or "libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    refuse = 0x00050000 | errno.EPERM
    allow = ctypes.c_void_p(lib.seccomp_init(refuse))
    for name in names:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            lib.seccomp_rule_add_array(allow, SCMP_ACT_ALLOW, number, 0, None)
    deny = ctypes.c_void_p(lib.seccomp_init(SCMP_ACT_ALLOW))
    for name, comparison in (
        # Units with a network are allowed AF_UNIX, AF_INET and AF_INET6; AF_NETLINK stands for all others.
        ("socket", Comparison(0, SCMP_CMP_MASKED_EQ, 0xFFFFFFFF, socket.AF_NETLINK) if HAS_NETWORK
         else Comparison(0, SCMP_CMP_NE, socket.AF_UNIX, 0)),
        ("mprotect", Comparison(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)),
    ):
        number = lib.seccomp_syscall_resolve_name(name.encode())
        lib.seccomp_rule_add_array(deny, refuse, number, 1, ctypes.byref(comparison))
    for made in (deny, allow):
        if lib.seccomp_load(made) != 0:
            raise OSError("loading a filter failed")


def main():
    uid, home, drop_in, program = int(sys.argv[1]), sys.argv[2], read_drop_in(sys.argv[3]), sys.argv[4:]
    names = allowed_calls()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    make_namespaces([home, *drop_in.get("ReadWritePaths", [])], drop_in.get("PrivateIPC") != ["no"])
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "drop a capability")
    os.setgroups([grp.getgrnam(name).gr_gid for name in drop_in.get("SupplementaryGroups", [])])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    filter_calls(names)
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
