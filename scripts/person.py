#!/usr/bin/env python3
"""A person with an authenticator app, for scripts/demo: what they scan is kept in FOLDER/NAME.

    person.py FOLDER NAME enroll PIN_FILE [VOUCHER] -- COMMAND...   does `chancery totp enroll NAME` at a terminal
    person.py FOLDER NAME code                                      prints a one-time code that was not used yet

The codes are computed here, by RFC 6238, so that they do not rest on what they are shown to."""

import base64
import hashlib
import hmac
import os
import pathlib
import pty
import re
import struct
import sys
import time
import urllib.parse

STEP_S = 30
LEFT_S = 10  # that a code must be good for at least, so that it can be typed


def code(folder, name):
    """The first that is good and was not used; a code is good one step before its time, and one after."""
    uri, last = (folder / name).read_text().split()
    secret = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(uri).query))["secret"]
    step = max(int(last) + 1, int(time.time() - STEP_S + LEFT_S) // STEP_S)
    while step > time.time() // STEP_S + 1:
        time.sleep(0.2)
    (folder / name).write_text(f"{uri} {step}")
    mac = hmac.digest(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">Q", step), hashlib.sha1)
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 10**6:06}"


def read_until(terminal, prompt):
    seen = ""
    while prompt not in seen:
        try:
            seen += os.read(terminal, 65536).decode(errors="replace")
        except OSError:
            sys.exit(f"no {prompt!r} at the terminal, but {seen!r}")
    return seen


def enroll(folder, name, pin, voucher, command):
    vouched = code(folder, voucher) if voucher else None
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)

    def type_at(prompt, text):
        seen = read_until(terminal, prompt)
        os.write(terminal, f"{text}\n".encode())
        return seen

    type_at("User PIN: ", pin)
    screen = read_until(terminal, "Code that the app shows: ")
    (folder / name).write_text(re.search(r"otpauth://totp/\S+", screen).group() + " 0")
    os.write(terminal, f"{code(folder, name)}\n".encode())
    if vouched:
        type_at("Code: ", vouched)
    read_until(terminal, "Enrolled: ")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def main():
    folder, name, what = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if what == "code":
        print(code(folder, name))
        return
    split = sys.argv.index("--")
    voucher = sys.argv[5] if split == 6 else None
    enroll(folder, name, pathlib.Path(sys.argv[4]).read_text().strip(), voucher, sys.argv[split + 1:])


if __name__ == "__main__":
    main()
