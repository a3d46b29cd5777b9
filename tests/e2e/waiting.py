"""A call that a test does not wait for."""

import threading


class Waiting(threading.Thread):
    """Calls a function beside the test; `result` is what it returned, or the exception that it raised."""

    def __init__(self, function, *arguments, **options):
        super().__init__(daemon=True)
        self.call = lambda: function(*arguments, **options)
        self.result = None
        self.start()

    def run(self):
        try:
            self.result = self.call()
        except Exception as error:  # the test looks at it
            self.result = error
