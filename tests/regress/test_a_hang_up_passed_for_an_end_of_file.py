"""The kernel wakes who reads from a terminal that hangs up before it sends the signal. A question with echo saw the end of a file
then, and setup said that the answer was missing, as if a person had left it out. Here the signal never comes."""

import signal
import unittest

from dialogue import REFUSED, come_to
from setting_up import SetupAtTerminalTest


class AtAnEcho(SetupAtTerminalTest):
    def test_a_hang_up_is_an_interruption(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        dialogue = self.dialogue()
        terminal = self.terminal(*dialogue.words)
        come_to(terminal, dialogue.prompts[0])
        terminal.hang_up()
        self.assertEqual(terminal.finish(), REFUSED)
        self.assertEqual(self.tokens(), [])


if __name__ == "__main__":
    unittest.main()
