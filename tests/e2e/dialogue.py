"""Dialogues on a pseudo-terminal: whole, and interrupted at each of their prompts.

A dialogue is a row: the command, and its prompts with what a person types there. What must hold of each is the same,
whatever it is about: Ctrl-C, a hang-up and SIGTERM at any prompt leave nothing half done and the echo on, and Ctrl-Z puts
a question again."""

import collections
import os
import signal

import harness

REFUSED = 3
CTRL_C, CTRL_Z = "\x03", "\x1a"

# `answer` is a text, or a function that makes it when it is typed.
Prompt = collections.namedtuple("Prompt", "text answer is_silent")
Dialogue = collections.namedtuple("Dialogue", "words prompts")


def loud(text, answer=""):
    return Prompt(text, answer, False)


def silent(text, answer):
    return Prompt(text, answer, True)


def come_to(terminal, prompt):
    """Reads up to the prompt, and until it waits for an answer."""
    terminal.read_until(prompt.text)
    terminal.seen = terminal.seen.split(prompt.text, 1)[1]
    harness.wait_until(lambda: terminal.has_echo() != prompt.is_silent, f"echo at {prompt.text!r}")


def type_text(terminal, text):
    os.write(terminal.tty, text.encode())


def answer(terminal, prompt):
    come_to(terminal, prompt)
    type_text(terminal, (prompt.answer() if callable(prompt.answer) else prompt.answer) + "\n")


class DialogueTest:
    """For a TestCase that has `terminal(*words)` and `what_is_there()`, which nothing that was interrupted may change."""

    def go_through(self, dialogue, is_stopped=False):
        """All of it; with `is_stopped`, Ctrl-Z comes first at each prompt without echo. Returns all that was shown."""
        terminal = self.terminal(*dialogue.words)
        for prompt in dialogue.prompts:
            if is_stopped and prompt.is_silent:
                come_to(terminal, prompt)
                type_text(terminal, CTRL_Z)
            answer(terminal, prompt)
        self.assertEqual(terminal.finish(), 0, terminal.shown)
        self.assertTrue(terminal.has_echo())
        return terminal.shown

    def interrupt(self, dialogue, at, how):
        """Ends it at its prompt number `at`; returns all that was shown."""
        terminal = self.terminal(*dialogue.words)
        for prompt in dialogue.prompts[:at]:
            answer(terminal, prompt)
        come_to(terminal, dialogue.prompts[at])
        if how == CTRL_C:
            type_text(terminal, CTRL_C)
        elif how == "hang-up":
            terminal.hang_up()
        else:
            os.kill(terminal.pid, how)
        status = terminal.finish()
        number = {CTRL_C: signal.SIGINT, "hang-up": signal.SIGHUP}.get(how, how)
        self.assertIn(status, (-number, REFUSED), terminal.seen)
        if how != "hang-up":
            self.assertTrue(terminal.has_echo())
        return terminal.shown

    def assert_nothing_is_half_done(self, dialogue, hows=(CTRL_C, "hang-up", signal.SIGTERM)):
        """At each prompt, in each way. With the sanitizers in one way at each, in turn: they reach the same code in fewer."""
        before = self.what_is_there()
        for at, prompt in enumerate(dialogue.prompts):
            for how in hows[at % len(hows) :: len(hows)] if harness.is_sanitized() else hows:
                with self.subTest(prompt=prompt.text, how=repr(how)):
                    self.interrupt(dialogue, at, how)
                    self.assertEqual(self.what_is_there(), before)
