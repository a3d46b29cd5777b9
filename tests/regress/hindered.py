"""Runs a program on a system that refuses something: hindered.py HINDRANCE PROGRAM ARGUMENTS.

Hindrances (and a help: own-users): a system call's name (fails with EPERM), no-capabilities, one-user (a user namespace), no-nobody, no-proc.
"""

import ctypes
import ctypes.util
import errno
import os
import sys
import tempfile

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_CAPBSET_DROP, PR_CAPBSET_READ = 24, 23
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
OWN_USERS = {"_chancery-front": 54301, "_chancery-token": 54302}
libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def deny(name):
    lib = ctypes.CDLL(ctypes.util.find_library("seccomp") or "libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    made = ctypes.c_void_p(lib.seccomp_init(ALLOW))
    number = lib.seccomp_syscall_resolve_name(name.encode())
    if number < 0 or lib.seccomp_rule_add_array(made, REFUSE, number, 0, None) != 0 or lib.seccomp_load(made) != 0:
        raise OSError(f"no filter for {name}")


def drop_capabilities():
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))


def become_the_only_user():
    uid, gid = os.getuid(), os.getgid()
    check(libc.unshare(CLONE_NEWUSER))
    for path, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{path}", "w", encoding="ascii") as file:
            file.write(text)


def own_mounts():
    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))


def replace(path, lines):
    with tempfile.NamedTemporaryFile("w", delete=False) as other:
        other.writelines(lines)
    os.chmod(other.name, 0o644)
    check(libc.mount(other.name.encode(), path.encode(), None, MS_BIND, None))
    os.unlink(other.name)


def hide_nobody():
    own_mounts()
    with open("/etc/passwd", encoding="utf-8") as file:
        replace("/etc/passwd", [line for line in file if not line.startswith(("nobody:", "_chancery"))])
    if os.path.exists("/etc/nsswitch.conf"):  # systemd's module knows a nobody of its own
        replace("/etc/nsswitch.conf", ["passwd: files\n", "group: files\n"])


def add_users():
    own_mounts()
    with open("/etc/passwd", encoding="utf-8") as file:
        users = [f"{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n" for name, uid in OWN_USERS.items()]
        replace("/etc/passwd", [*file, *users])


def hide_proc():
    own_mounts()
    check(libc.mount(b"none", b"/proc", b"tmpfs", 0, None))


HINDRANCES = {
    "no-capabilities": drop_capabilities,
    "one-user": become_the_only_user,
    "no-nobody": hide_nobody,
    "no-proc": hide_proc,
    "own-users": add_users,
}

if __name__ == "__main__":
    hinder = HINDRANCES.get(sys.argv[1])
    hinder() if hinder else deny(sys.argv[1])
    os.execv(sys.argv[2], sys.argv[2:])
