"""A PKCS#11 module that is at fault, and what it says of the calls that were made (README.md). The faults are set while the
agent runs."""

import collections
import os
import time
import unittest

from harness import BUILD

MODULE = BUILD / "tests" / "faults" / "faulty.so"

# `edge` is ">" where a call begins, "<" where it ends, "!" where a rule of Cryptoki was broken, and then `name` is the sentence.
Call = collections.namedtuple("Call", "time_s pid thread edge name session result facts")


def read_call(line):
    time, pid, thread, edge, rest = line.split(" ", 4)
    if edge == "!":
        return Call(float(time), int(pid), int(thread), edge, rest, 0, "", {})
    name, session, *words = rest.split()
    result = words.pop(0) if edge == "<" else ""
    facts = dict(word.partition("=")[::2] for word in words)
    return Call(float(time), int(pid), int(thread), edge, name, int(session), result, facts)


class Faults:
    """The module of an agent that is not yet started: SoftHSM2, but for what is set. With several tokens, of the one that
    agent.yaml names first."""

    def __init__(self, agent):
        if not MODULE.exists():
            raise unittest.SkipTest("faulty.so is not built; run make regress-programs")
        self.path = agent.home / "faults"
        self.log_path = self.path.with_name("faults.log")
        self.typed_s = []  # when a person typed a PIN
        self.set()
        agent.variables["FAULTS"] = str(self.path)
        text = agent.config.read_text()
        agent.config.write_text(text.replace("module: softhsm2", f"module: {MODULE}", 1))

    def set(self, *lines):
        """From now on these rules and models hold, and no others."""
        whole = self.path.with_suffix(".new")
        whole.write_text("".join(f"{line}\n" for line in lines))
        os.replace(whole, self.path)

    def calls(self, *names, edge="<", since_s=0.0):
        """The log's lines about these functions, or about all."""
        if not self.log_path.exists():
            return []
        read = (read_call(line) for line in self.log_path.read_text().splitlines())
        return [call for call in read if (not names or call.name in names) and edge in ("", call.edge) and call.time_s >= since_s]

    def pins(self, since_s=0.0):
        """The number of each PIN that was sent, in order: 1 for the first that there was, and for all that are equal to it."""
        return [int(call.facts["pin"]) for call in self.calls("C_Login", edge=">", since_s=since_s) if "pin" in call.facts]

    def pins_sent_again(self):
        """Those that were sent although the token had called them wrong, and nobody has typed one since."""
        refused, again, typed_s = set(), [], sorted(self.typed_s)
        for call in self.calls("C_Login", edge=""):
            while typed_s and call.time_s >= typed_s[0]:
                typed_s.pop(0)
                refused.clear()
            pin = call.facts.get("pin")
            if call.edge == ">" and pin in refused:
                again.append(int(pin))
            elif call.edge == "<" and call.result in ("CKR_PIN_INCORRECT", "CKR_PIN_LOCKED"):
                refused.add(pin)
            elif call.edge == "<" and call.result == "CKR_OK":
                refused.discard(pin)
        return again

    def note_typed(self):
        self.typed_s.append(time.monotonic())

    def violations(self):
        """Calls after C_Finalize, and two threads in one session, as sentences."""
        return [call.name for call in self.calls(edge="!")]

    def sessions_at_most(self):
        return max((int(call.facts["open"]) for call in self.calls("C_OpenSession")), default=0)
