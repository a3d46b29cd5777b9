"""Two set-ups could ask their questions about one folder at a time. The one that came last found a policy there, and took back
what it had not put there itself: the state of the agent that the other had set up was gone."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from dialogue import answer, come_to, type_text
import setting_up


class Another(setting_up.SetupAtTerminalTest):
    def test_what_another_has_put_there_stays(self):
        self.target.mkdir(mode=0o755)
        dialogue = self.dialogue()
        terminal = self.terminal(*dialogue.words)
        for prompt in dialogue.prompts[:-2]:
            answer(terminal, prompt._replace(answer="no") if "besides the PIN" in prompt.text else prompt)
        come_to(terminal, dialogue.prompts[-2])
        (self.target / "state").mkdir()
        for name in ("state/state.db", "policy.yaml"):
            (self.target / name).write_text("of another")
        before = self.files()
        type_text(terminal, "\n")
        self.assertNotEqual(terminal.finish(), setting_up.OK, terminal.shown)
        self.assertIn(f"putting {self.target}/policy.yaml in its place", terminal.shown)
        self.assertEqual((self.files(), self.keys()), (before, []))


if __name__ == "__main__":
    unittest.main()
